"""Turns an answer into a response: JSON, a strong ETag, 304 where the client has it, the link to the next page."""

import hashlib
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.answers import Shown
from api.problems import Problem

JSON = "application/json"


def respond(request: Request, answer: Shown, *, next_cursor: str = "") -> Response:
    """200, 304 or, for a client that takes no JSON, Problem(406).

    The offsets that an answer reflects are a part of it, so its bytes are equal when they and the question are.
    """
    check_accept(request)
    body = answer.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if next_cursor:
        query = [(n, t) for n, t in request.query_params.multi_items() if n != "cursor"]
        target = f"{request.url.path}?{urlencode([*query, ('cursor', next_cursor)])}"
        headers["Link"] = f'<{target}>; rel="next"'
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def check_accept(request: Request, media_type: str = JSON) -> None:
    """Problem(406) when the client will not take this type."""
    accepted = request.headers.get("accept", "*/*")
    ranges = [part.partition(";") for part in accepted.split(",")]
    wanted = {
        name.strip() for name, _, more in ranges if "q=0" not in more.replace(" ", "").split(";")
    }
    group = media_type.partition("/")[0] + "/*"
    if not wanted & {media_type, group, "*/*"}:
        raise Problem(406, f"this answer is {media_type}")


def _has(given: str, etag: str) -> bool:
    known = [part.strip().removeprefix("W/") for part in given.split(",")]
    return etag in known or "*" in known
