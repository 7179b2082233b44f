"""The live page: a few files and an installed chart library, served as they are; without it, tables alone."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from api.access.envelope import PAGE_POLICY
from api.problems import Problem

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "library"
"""Filled by `make page`, not committed."""
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FILES = ("page.js", "page.css", "chart.js", "stream.js", "tables.js", "icon.svg")
HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}


async def index(request: Request) -> Response:
    """The page."""
    return FileResponse(FOLDER / "index.html", headers=HEADERS, media_type="text/html")


async def file(request: Request) -> Response:
    """One of its files, by a name from a closed list."""
    name = request.path_params["name"]
    known = {file: FOLDER / file for file in FILES} | {f.name: f for f in LIBRARY.glob("*.js")}
    found = known.get(name)
    if found is None or not found.is_file():
        raise Problem(404, "no such file")
    return FileResponse(found, headers=HEADERS, media_type=TYPES[found.suffix])


async def openapi(request: Request) -> Response:
    """The OpenAPI document of this process."""
    from api.documents.openapi import document  # a tenth of a second that a start need not wait for

    return JSONResponse(document())


ROUTES = [
    Route("/", index),
    Route("/page/{name}", file),
    Route("/openapi.json", openapi),
]
