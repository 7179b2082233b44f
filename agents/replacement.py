"""Replaces whose latency is over: terms change at a quote, before it matches, or the replace is refused."""

from typing import Any

import msgspec

from agents import protection, taking
from agents.execution import Execution
from tables import triggers
from tables.book import SymbolBook
from tables.resting import Change, RestingOrder


def settle(work: Execution, book: SymbolBook) -> list[str]:
    """Apply the replaces that are due; the ids of working limits that lost their place and have to arrive again."""
    moved: list[str] = []
    for order_id in book.ladder("replace").reached(-work.shown_at):
        order = work.exchange.orders.get(order_id)
        if order is None or order.change is None or work.depth(order.side) is None:
            continue
        if _replace(work, order, order.change):
            moved.append(order_id)
    return moved


def _replace(work: Execution, order: RestingOrder, change: Change) -> bool:
    """Apply one replace; True when a working limit has to arrive again."""
    reason = _refusal(work, order, change)
    if reason:
        work.step(order, "REPLACE_REJECTED", order.state, reason, change.command_ref, change=None)
        return False
    if change.qty and change.qty <= order.filled:
        protection.cancel(work, order, "REPLACED", change.command_ref)
        return False
    terms = _terms(order, change)
    loses_place = _moves(order, change) and order.state != "HELD"
    if loses_place:
        terms |= {"active_at": change.active_at, "accepted_ref": change.ref}
    work.step(order, "REPLACED", order.state, "", change.command_ref, change=None, **terms)
    resting = order.is_limit and order.state in ("WORKING", "PARTIALLY_FILLED")
    return loses_place and resting


def _refusal(work: Execution, order: RestingOrder, change: Change) -> str:
    """Why a replace cannot be; "" when it can."""
    if order.is_exit and change.qty and change.qty != order.qty:
        smaller = order.is_protective and change.qty < order.qty
        return "PROTECTION_REQUIRED" if smaller else "BRACKET_QTY"
    after = msgspec.structs.replace(order, **_terms(order, change))
    if order.is_protective and order.state != "HELD" and work.sets_off(after):
        return "STOP_CROSSED"
    works = order.state in ("WORKING", "PARTIALLY_FILLED")
    if after.post_only and works and taking.is_marketable(work, after):
        return "POST_ONLY_WOULD_TAKE"
    return ""


def _moves(order: RestingOrder, change: Change) -> bool:
    """Another price, or more quantity: the order goes to the end of its queue."""
    terms = _terms(order, change)
    qty = terms.pop("qty", 0)
    terms.pop("held", None)
    return qty > order.qty or any(value != getattr(order, name) for name, value in terms.items())


def _terms(order: RestingOrder, change: Change) -> dict[str, Any]:
    """The terms that change, of those that an order of its type has."""
    names = ["qty", "protection"]
    names += ["price"] if order.is_limit else []
    names += ["stop_price"] if order.type in ("stop", "stop_limit") else []
    terms = {name: getattr(change, name) for name in names if getattr(change, name)}
    if change.qty and order.held:
        terms["held"] = max(0, order.held + change.qty - order.qty)
    if order.type == "trailing_stop" and (change.trail_ticks or change.trail_bps):
        terms |= _trail(order, change)
    return terms


def _trail(order: RestingOrder, change: Change) -> dict[str, Any]:
    """Another distance, from the best price seen; a stop without one yet takes it when it is active."""
    if not order.best:
        return {"trail_ticks": change.trail_ticks, "trail_bps": change.trail_bps}
    ticks = triggers.trail_ticks(change.trail_ticks, change.trail_bps, order.best)
    stop_price = triggers.trailing(order.side, order.best, ticks)
    return {"trail_ticks": ticks, "trail_bps": change.trail_bps, "stop_price": stop_price}
