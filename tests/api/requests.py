"""Requests to the application, in process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from api.app import build
from streams.settings import Settings


def asked(settings: Settings, target: str, method: str = "GET", **given: Any) -> httpx.Response:
    """One request to an application whose watch does not run."""

    async def run() -> httpx.Response:
        app = build(settings)
        try:
            async with client(app) as http:
                return await http.request(method, target, **given)
        finally:
            await app.state.current.close()

    return asyncio.run(run())


def client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


Work = Callable[[httpx.AsyncClient, Any], Awaitable[None]]


def with_watch(settings: Settings, work: Work) -> None:
    """Runs `work` with an application whose watch runs."""

    async def run() -> None:
        app = build(settings)
        async with app.router.lifespan_context(app), client(app) as http:
            await work(http, app)

    asyncio.run(run())
