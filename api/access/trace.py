"""The trace of a request: taken from `traceparent` and `X-Request-ID` where they are well formed, else made."""

import re
import secrets
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
REQUEST_ID = re.compile(r"[!-~]{1,64}")


class Trace(NamedTuple):
    """trace_id: 32 hex digits. parent: the `traceparent` of this answer."""

    trace_id: str
    request_id: str
    parent: str


def trace_of(scope: Scope) -> Trace:
    """The trace of this request, the same one whenever asked."""
    known = scope.get("trace")
    if isinstance(known, Trace):
        return known
    headers = Headers(scope=scope)
    match = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    trace_id = match[1] if match else secrets.token_hex(16)
    given = headers.get("x-request-id", "")
    request_id = given if REQUEST_ID.fullmatch(given) else trace_id
    scope["trace"] = trace = Trace(trace_id, request_id, f"00-{trace_id}-{secrets.token_hex(8)}-01")
    return trace


def trace_id(scope: Scope) -> str:
    """The id that stands in problems and in the log."""
    return trace_of(scope).trace_id
