"""Stands before every route: bodies and encodings that nobody takes, then rates, then who asks.

The rate of an address is charged until a token is shown, that of a principal afterwards, so that neither a guesser of
tokens nor a busy client holds up the others.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.buckets import BURST, Allowance, Buckets
from api.access.tokens import Token, Tokens
from api.problems import Problem, on_problem
from streams.meter import RequestMeter

PROTECTED = "/v1/"
BODY_BYTES_MAX = 64 << 10
CONCURRENCY = 256
SCHEME = "bearer "
TOKEN_NAMES = frozenset({"token", "access_token", "api_key", "authorization"})


class Guard:
    """ASGI middleware; the token that was shown is in `scope["token"]`."""

    def __init__(self, app: ASGIApp, tokens: Tokens, meter: RequestMeter) -> None:
        self._app = app
        self._tokens = tokens
        self._meter = meter
        self._principals = Buckets()
        self._addresses = Buckets()
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._in_flight += 1
        try:
            request = Request(scope)
            headers = self._check(request)
            await self._app(scope, _bounded(receive), _with(send, headers))
        except Problem as problem:
            self._meter.denied(problem.reason or str(problem.status))
            response = await on_problem(Request(scope), problem)
            await response(scope, receive, send)
        finally:
            self._in_flight -= 1

    def _check(self, request: Request) -> Mapping[str, str]:
        """Headers for the answer; raises Problem. The scope gets its token."""
        if self._in_flight > CONCURRENCY:
            raise Problem(503, "too many requests are under way", headers={"Retry-After": "1"})
        _check_body(request.headers)
        if not request.url.path.startswith(PROTECTED):
            return {}
        try:
            token = self._token(request)
        except Problem:
            address = request.client.host if request.client else ""
            _limited(self._addresses.take(address))
            raise
        request.scope["token"] = token
        return _limited(self._principals.take(token.principal))

    def _token(self, request: Request) -> Token:
        if TOKEN_NAMES & {name.lower() for name in request.query_params}:
            raise _unauthenticated(
                "a token belongs into the Authorization header, never into the URL"
            )
        if not self._tokens.current():
            raise Problem(
                503, f"no token can be checked: {self._tokens.refusal}", reason="no_tokens"
            )
        given = request.headers.get("authorization", "")
        if not given:
            raise _unauthenticated("a bearer token is needed")
        token = None
        if given[: len(SCHEME)].lower() == SCHEME:
            token = self._tokens.find(given[len(SCHEME) :].strip())
        if token is None:
            raise _unauthenticated("the token is not valid", 'error="invalid_token"')
        return token


def _unauthenticated(detail: str, error: str = "") -> Problem:
    challenge = "Bearer" + (f' realm="headrace", {error}' if error else ' realm="headrace"')
    return Problem(401, detail, headers={"WWW-Authenticate": challenge}, reason="unauthenticated")


def _limited(allowance: Allowance) -> Mapping[str, str]:
    headers = {"RateLimit-Limit": str(BURST), "RateLimit-Remaining": str(allowance.remaining)}
    if allowance.retry_s:
        headers |= {
            "Retry-After": str(allowance.retry_s),
            "RateLimit-Reset": str(allowance.retry_s),
        }
        raise Problem(429, "too many requests", headers=headers, reason="rate")
    return headers


def _check_body(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity") != "identity":
        raise Problem(
            415, "no content encoding is accepted", headers={"Accept-Encoding": "identity"}
        )
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:12]) > BODY_BYTES_MAX:
        raise Problem(
            413, f"a body has at most {BODY_BYTES_MAX} bytes", headers={"Connection": "close"}
        )


def _bounded(receive: Receive) -> Receive:
    """A body without a length is cut off where it grows too long."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES_MAX:
            raise Problem(413, f"a body has at most {BODY_BYTES_MAX} bytes")
        return message

    return bounded


def _with(send: Send, headers: Mapping[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            encoded = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
            message["headers"] = [*message.get("headers", ()), *encoded]
        await send(message)

    return sending


def token_of(request: Request) -> Token:
    """The token of a request that passed the guard."""
    token: Token = request.scope["token"]
    return token


def need(request: Request, account: str) -> None:
    """Raises Problem where the request's token may not see this account."""
    if not token_of(request).sees(account):
        raise Problem(403, f"not your account: {account}", reason="account")


def need_operate(request: Request) -> None:
    """Raises Problem where the request's token may look only."""
    if "operate" not in token_of(request).scopes:
        challenge = 'Bearer realm="headrace", error="insufficient_scope", scope="operate"'
        raise Problem(
            403,
            "the scope operate is needed",
            headers={"WWW-Authenticate": challenge},
            reason="insufficient_scope",
        )
