"""Probes and metrics of the API process."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents.health import Checks, answer
from agents.metrics import Metrics
from api.problems import Problem
from api.watch import Watch


async def live(request: Request) -> Response:
    """It answers, so its loop turns."""
    return _probe(request, {"loop": lambda: True})


async def ready(request: Request) -> Response:
    """The log was seen a moment ago."""
    watch: Watch = request.app.state.watch
    return _probe(request, {"kafka": lambda: watch.topics is not None})


async def metrics(request: Request) -> Response:
    store: Metrics = request.app.state.metrics
    body, content_type = store.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


def _probe(request: Request, checks: Checks) -> Response:
    name = request.path_params.get("check")
    if name is not None:
        if name not in checks:
            raise Problem(404, f"no check {name[:40]}")
        checks = {name: checks[name]}
    given = request.query_params
    status, text = answer(checks, exclude=given.getlist("exclude"), verbose="verbose" in given)
    return PlainTextResponse(f"{text}\n", status)
