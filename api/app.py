"""The status API: a Starlette application over the settings; the composition root of its process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from agents import insecure
from agents.health import Beat
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from api import page
from api.access.envelope import Envelope
from api.access.guard import Guard
from api.access.tokens import Tokens
from api.control_view import ControlView
from api.current import CurrentReader
from api.endpoints.controls import Answered
from api.endpoints.system import status_of
from api.figures import Figures
from api.history import History
from api.kept_figures import KeptFigures
from api.problems import Problem, on_bug, on_http, on_problem
from api.routing import routes
from api.stream.hub import Hub
from api.watch import Watch
from streams.settings import Settings

log = logging.getLogger("headrace.api")

BEAT_S = 1.0


def build(settings: Settings, *, with_controls: bool = False) -> Starlette:
    """The application; it reads stores and log from its lifespan's start to its end."""
    metrics = Metrics()
    meter = ProcessMeter(metrics)
    insecure.show(metrics, settings, is_api=True)
    tokens = Tokens(Path(settings.api_tokens_file) if settings.api_tokens_file else None)
    app = Starlette(
        routes=[*page.ROUTES, *routes(with_controls=with_controls)],
        lifespan=_lifespan,
        middleware=[Middleware(Guard, tokens=tokens, meter=meter)],
        exception_handlers={Problem: on_problem, HTTPException: on_http, Exception: on_bug},
    )
    app.router.redirect_slashes = False
    _enclose(app, meter)
    state = app.state
    state.settings, state.metrics, state.tokens = settings, metrics, tokens
    state.current = CurrentReader(settings)
    state.history = History(settings.postgres_url)
    state.control = ControlView(settings.brokers)
    state.watch = Watch(settings, state.current)
    state.figures = Figures(metrics, state.control, state.current, state.history)
    state.kept_figures = KeptFigures(metrics, state.history, settings.postgres_url)
    state.answered = Answered()
    state.beat = Beat()
    state.hub = Hub(
        settings.brokers,
        state.control,
        lambda: status_of(settings, state.watch, state.control),
        meter,
    )
    return app


def _enclose(app: Starlette, meter: ProcessMeter) -> None:
    """The envelope goes around what Starlette puts outermost, so that the answer to a bug is enclosed too."""
    build_stack = app.build_middleware_stack

    def enclosed() -> ASGIApp:
        return Envelope(build_stack(), meter=meter)

    app.build_middleware_stack = enclosed  # type: ignore[method-assign]  # Starlette has no hook outside


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    state = app.state
    looks = (state.watch.run(), state.figures.run(), state.kept_figures.run())
    watching = [asyncio.create_task(look) for look in looks]
    beating = asyncio.create_task(_strike(state.beat))
    for task in watching:
        task.add_done_callback(_say_why)
    state.control.start()
    try:
        yield
    finally:
        for task in (*watching, beating):
            task.cancel()
        await asyncio.wait([*watching, beating])
        await asyncio.gather(state.hub.stop(), state.control.stop())
        await state.current.close()


async def _strike(beat: Beat) -> None:
    while True:
        beat.strike()
        await asyncio.sleep(BEAT_S)


def _say_why(watching: asyncio.Task[None]) -> None:
    """A watch that ended unasked leaves /readyz at 503; the log says why."""
    if not watching.cancelled() and watching.exception() is not None:
        log.error("the watch ended", exc_info=watching.exception())
