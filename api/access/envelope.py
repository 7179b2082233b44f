"""What surrounds every answer of the API: security headers, its trace, its figures and its line in the log."""

import json
import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.trace import trace_of
from streams.meter import RequestMeter

access_log = logging.getLogger("headrace.access")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
UNKNOWN_ROUTE = "unknown"
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)


class Envelope:
    """Pure ASGI, around the whole application, so that it surrounds the answer to a bug too.

    Labels come from closed sets: never a path or a foreign word.
    """

    def __init__(self, app: ASGIApp, meter: RequestMeter) -> None:
        self._app = app
        self._meter = meter
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        trace = trace_of(scope)

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    headers.setdefault(name, text)
                if scope.get("scheme") == "https":
                    headers.update(TLS_HEADERS)
                headers["X-Request-ID"], headers["traceparent"] = trace.request_id, trace.parent
            await send(message)

        self._count(1)
        try:
            await self._app(scope, receive, send_marked)
        finally:
            self._count(-1)
            self._account_for(scope, status, time.perf_counter() - started)

    def _count(self, change: int) -> None:
        self._in_flight += change
        self._meter.in_flight(self._in_flight)

    def _account_for(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._meter.request(route, method, status, seconds)
        token, trace = scope.get("token"), trace_of(scope)
        line = {
            "route": route,
            "path": scope["path"][:200],
            "method": method,
            "status": status,
            "seconds": round(seconds, 6),
            "principal": getattr(token, "principal", ""),
            "trace_id": trace.trace_id,
            "request_id": trace.request_id,
        }
        access_log.info("%s", json.dumps(line))  # json escapes control characters
