"""The /v1 routes: what is current, and how the system does; read-only."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import parameters, shapes
from api.current import Current, CurrentReader
from api.log_view import lag_by_topic
from api.parameters import Page
from api.problems import Problem
from api.watch import Watch
from streams.messages import OrderEvent, Position
from streams.settings import Settings
from streams.topics import EVENTS, POSITIONS

Shown = dict[str, Any]
M = TypeVar("M", Position, OrderEvent)


async def status(request: Request) -> Response:
    """Profile, processes, lag and feed, as of the last look."""
    parameters.none(request)
    settings: Settings = request.app.state.settings
    watch: Watch = request.app.state.watch
    topics = watch.topics
    return JSONResponse(
        {
            "profile": settings.profile,
            "simulation": True,  # the package holds no other venue than the simulated exchange
            "state": _state(watch),
            "processes": watch.processes,
            "log": "unreachable" if topics is None else "reachable",
            "lag": None if topics is None else lag_by_topic(topics),
            "feed_sources": watch.sources,
        }
    )


async def topics(request: Request) -> Response:
    """Offsets of every partition, and how far each group is behind; transaction markers take offsets too."""
    parameters.none(request)
    watch: Watch = request.app.state.watch
    if watch.topics is None:
        raise Problem(503, "Kafka does not answer")
    return JSONResponse({"topics": watch.topics, "age_seconds": round(watch.age_s, 3)})


async def positions(request: Request) -> Response:
    """Positions and accounts."""
    page = parameters.page(request)
    current = await _reader(request).read("position", "account")
    held = _select(current, "position", POSITIONS.decode, page)
    accounts = _select(current, "account", POSITIONS.decode, Page(page.limit, page.account))
    body = {
        "positions": [shapes.position(message) for message in held[: page.limit]],
        "accounts": [shapes.account(message) for message in accounts[: page.limit]],
    }
    return _list(body, current, truncated=max(len(held), len(accounts)) > page.limit)


async def orders(request: Request) -> Response:
    """Open orders."""
    page = parameters.page(request)
    current = await _reader(request).read("order")
    live = _select(current, "order", EVENTS.decode, page)
    body = {"orders": [shapes.order(message) for message in live[: page.limit]]}
    return _list(body, current, truncated=len(live) > page.limit)


def _state(watch: Watch) -> str:
    """UNKNOWN without ops ports to ask; DEGRADED when one does not answer; RECOVERING while a worker restores."""
    if not watch.processes:
        return "UNKNOWN"
    if not all(process["reachable"] for process in watch.processes):
        return "DEGRADED"
    states = {process["status"].get("state") for process in watch.processes}
    return "RECOVERING" if "RECOVERING" in states else "RUNNING"


def _reader(request: Request) -> CurrentReader:
    reader: CurrentReader = request.app.state.current
    return reader


def _select(current: Current, kind: str, decode: Callable[[bytes], M], page: Page) -> list[M]:
    """The messages that the page asks for, in the order of their keys."""
    messages = [decode(value) for value in current.values[kind]]
    wanted = [
        message
        for message in messages
        if page.account in ("", message.account) and page.symbol in ("", message.symbol)
    ]
    return sorted(wanted, key=_order)


def _order(message: Position | OrderEvent) -> tuple[str, str, str]:
    name = message.order_id if isinstance(message, OrderEvent) else ""
    return message.account, message.symbol, name


def _list(body: Shown, current: Current, *, truncated: bool) -> Response:
    """source: which store answered; as_of: the first offsets that are not in the answer."""
    more = {"truncated": truncated, "source": current.source, "as_of": current.as_of}
    return JSONResponse({**body, **more})
