"""The status API: a Starlette application over the settings; the composition root of its process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from agents.meter import ProcessMeter
from agents.metrics import Metrics
from api import health, status
from api.current import CurrentReader
from api.envelope import Envelope
from api.problems import Problem, on_bug, on_http, on_problem
from api.watch import Watch
from streams.settings import Settings

log = logging.getLogger("headrace.api")

ROUTES = [
    Route("/livez", health.live),
    Route("/livez/{check}", health.live),
    Route("/readyz", health.ready),
    Route("/readyz/{check}", health.ready),
    Route("/metrics", health.metrics),
    Route("/v1/status", status.status),
    Route("/v1/positions", status.positions),
    Route("/v1/orders", status.orders),
    Route("/v1/topics", status.topics),
]


def build(settings: Settings) -> Starlette:
    """The application; it reads stores and log from its lifespan's start to its end."""
    metrics = Metrics()
    app = Starlette(
        routes=ROUTES,
        lifespan=_lifespan,
        middleware=[Middleware(Envelope, meter=ProcessMeter(metrics))],
        exception_handlers={Problem: on_problem, HTTPException: on_http, Exception: on_bug},
    )
    app.router.redirect_slashes = False
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.current = CurrentReader(settings)
    app.state.watch = Watch(settings, app.state.current)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    watching = asyncio.create_task(app.state.watch.run())
    watching.add_done_callback(_say_why)
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await app.state.current.close()


def _say_why(watching: asyncio.Task[None]) -> None:
    """A watch that ended unasked leaves /readyz at 503; the log says why."""
    if not watching.cancelled():
        log.error("the watch ended", exc_info=watching.exception())
