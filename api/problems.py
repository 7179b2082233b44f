"""Errors of the API as RFC 9457 problem documents, on every path."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.access.trace import trace_id

log = logging.getLogger("headrace.api")


class Problem(Exception):
    """An answer that is no success. errors: what exactly is wrong, each with the parameter or pointer it is about.

    reason: of a refusal that is counted, from a closed set; "" for others.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: tuple[dict[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.reason = reason


def bad_parameter(name: str, detail: str) -> Problem:
    """400, naming the query parameter."""
    return Problem(400, f"{name}: {detail}", ({"parameter": name, "detail": detail},))


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    more = {"errors": list(error.errors)} if error.errors else {}
    return _document(request, error.status, error.detail, more, error.headers)


async def on_http(request: Request, error: Exception) -> Response:
    """What the router refuses: 404, 405."""
    assert isinstance(error, HTTPException)
    return _document(request, error.status_code, error.detail, {}, dict(error.headers or {}))


async def on_bug(request: Request, error: Exception) -> Response:
    """The text of the exception goes to the log alone."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    detail = "the request could not be answered; the log has the cause"
    return _document(request, 500, detail, {})


def _document(
    request: Request,
    status: int,
    detail: str,
    more: dict[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "trace_id": trace_id(request.scope),
        **more,
    }
    return ProblemResponse(body, status, headers=headers)
