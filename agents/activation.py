"""How orders come alive: a trailing stop takes its first price, a limit its place in the queue."""

from typing import Any

from agents.execution import Execution
from streams.messages import State
from tables import triggers
from tables.resting import RestingOrder


def arm(work: Execution, order: RestingOrder, **changes: Any) -> None:
    """Let a held order live, with what its parent's fill has armed of it."""
    state: State = "UNTRIGGERED" if order.is_stop else "WORKING"
    active_at = max(order.active_at, work.time)
    work.step(order, "ARMED", state, active_at=active_at, **start(work, order), **changes)
    work.armed.append(order.order_id)


def wait(work: Execution, order: RestingOrder) -> RestingOrder:
    """Let a stop wait for its trigger."""
    return work.step(order, "UNTRIGGERED", "UNTRIGGERED", **start(work, order))


def start(work: Execution, order: RestingOrder) -> dict[str, Any]:
    """What an order knows from the moment it is active."""
    if order.type == "trailing_stop":
        return trail(work, order)
    if order.type == "limit":
        return {"queue": work.queue_for(order, order.price)}
    return {}


def trail(work: Execution, order: RestingOrder) -> dict[str, Any]:
    """The first stop of a trailing one; without a price to watch it has none yet."""
    price = 0 if work.quote is None else triggers.watched(order.trigger, order.side, work.quote)
    if not price:
        return {}
    ticks = triggers.trail_ticks(order.trail_ticks, order.trail_bps, price)
    stop_price = triggers.trailing(order.side, price, ticks)
    return {"best": price, "trail_ticks": ticks, "stop_price": stop_price}


def tighten(work: Execution, order: RestingOrder, price: int) -> None:
    """Let a trailing stop follow a better price."""
    if order.best and order.sign * (price - order.best) >= 0:
        return
    ticks = triggers.trail_ticks(order.trail_ticks, order.trail_bps, price)
    stop_price = triggers.trailing(order.side, price, ticks)
    work.update(order, best=price, trail_ticks=ticks, stop_price=stop_price)
