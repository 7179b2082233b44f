"""Requests to the application, in process."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from api.access.tokens import Token
from api.app import build
from streams.settings import Settings

READER, TENANT, OPERATOR = "reader-token", "tenant-token", "operator-token"
TOKENS = tuple(
    Token(
        principal=name,
        sha256=hashlib.sha256(f"{name}-token".encode()).hexdigest(),
        scopes=("read", "operate") if name == "operator" else ("read",),
        accounts=("second",) if name == "tenant" else ("*",),
    )
    for name in ("reader", "tenant", "operator")
)


def asked(
    settings: Settings,
    target: str,
    method: str = "GET",
    *,
    token: str = READER,
    controls: bool = False,
    **given: Any,
) -> httpx.Response:
    """One request, by the reader unless another token is given, to an application whose watch does not run."""

    async def run() -> httpx.Response:
        app = build(settings, with_controls=controls)
        try:
            async with client(app, token) as http:
                return await http.request(method, target, **given)
        finally:
            await app.state.current.close()

    return asyncio.run(run())


def client(app: Any, token: str = READER) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


Work = Callable[[httpx.AsyncClient, Any], Awaitable[None]]


def with_watch(settings: Settings, work: Work) -> None:
    """Runs `work` with an application whose watch runs."""

    async def run() -> None:
        app = build(settings)
        async with app.router.lifespan_context(app), client(app) as http:
            await work(http, app)

    asyncio.run(run())
