"""What risk sends to the exchange: orders, cancels and replaces, each with the latency after which it takes effect."""

from collections.abc import Iterable

from agents import groups, protection
from agents.execution import Execution
from agents.handler import Event, Output
from streams import topics
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    CancelAccepted,
    OrderEvent,
    ReplaceAccepted,
    ToBroker,
)
from streams.state import Table
from tables import costs
from tables.exchange import Exchange
from tables.resting import Change, RestingOrder

SIMULATED = "sim"
"""The only mode in which this exchange fills; risk has decided it, and it is looked at once more."""

AT_ONCE = frozenset({"KILLED", "FLATTENED"})
"""Reasons of cancels that travel nowhere: the kill switch's."""


def accept(
    event: Event[ToBroker], accepted: Accepted, exchange: Exchange, instruments: Table[Instrument]
) -> Iterable[Output]:
    """Take in an order; it becomes active after its latency, a child of another order with that one's fills."""
    instrument = instruments.get(accepted.symbol)
    if instrument is None:
        return (_rejected(event, accepted, "UNKNOWN_SYMBOL"),)
    assert accepted.order_id not in exchange.orders, "an order is accepted once"
    arrived = max(event.clock_ns, accepted.time)
    order = _order(event, accepted, arrived, costs.latency_ns(instrument, event.ref, "order"))
    exchange.orders.put(order.order_id, order)
    work = Execution(event.ref, arrived, exchange, instrument)
    if accepted.mode != SIMULATED:
        protection.reject(work, order, "NOT_SIM")
    elif accepted.take_profit and not protection.is_bracket(accepted):
        protection.reject(work, order, "BRACKET_INVALID")
    else:
        _take_in(work, order, accepted)
    return close(work, order.symbol)


def cancel(
    event: Event[ToBroker],
    asked: CancelAccepted,
    exchange: Exchange,
    instruments: Table[Instrument],
) -> Iterable[Output]:
    """Take in a cancel; the kill switch's takes effect at once, a flattening one takes protective stops with it.

    An unknown order has ended while its cancel was under way: its own last event is the answer.
    """
    order = exchange.orders.get(asked.order_id)
    if order is None:
        return ()
    instrument = instruments[order.symbol]
    arrived = max(event.clock_ns, asked.time)
    work = Execution(event.ref, arrived, exchange, instrument)
    command = asked.command_ref
    if order.is_protective and asked.reason != "FLATTENED":
        work.step(order, "CANCEL_REJECTED", order.state, "PROTECTION_REQUIRED", command)
    elif asked.reason in AT_ONCE:
        protection.cancel(work, order, asked.reason, command)
    elif not order.cancel_at:
        latency = costs.latency_ns(instrument, event.ref, "cancel")
        cancel_at = max(arrived + latency, order.active_at)
        work.update(order, cancel_at=cancel_at, cancel_reason=asked.reason, cancel_ref=command)
    return close(work, order.symbol)


def replace(
    event: Event[ToBroker],
    asked: ReplaceAccepted,
    exchange: Exchange,
    instruments: Table[Instrument],
) -> Iterable[Output]:
    """Take in a replace; one at a time, and like a cancel it never overtakes its order."""
    order = exchange.orders.get(asked.order_id)
    if order is None:
        return ()
    instrument = instruments[order.symbol]
    arrived = max(event.clock_ns, asked.time)
    work = Execution(event.ref, arrived, exchange, instrument)
    if order.change is not None:
        work.step(order, "REPLACE_REJECTED", order.state, "REPLACE_PENDING", asked.command_ref)
    else:
        latency = costs.latency_ns(instrument, event.ref, "replace")
        work.update(order, change=_change(event, asked, max(arrived + latency, order.active_at)))
    return close(work, order.symbol)


def close(work: Execution, symbol: str) -> list[Output]:
    """Check what must hold, and forget the quote of a symbol on which nothing waits any more."""
    groups.settle(work)
    protection.check(work)
    exchange = work.exchange
    if symbol not in exchange.index.books and symbol in exchange.standing:
        exchange.standing.delete(symbol)
    return work.outputs


def _take_in(work: Execution, order: RestingOrder, accepted: Accepted) -> None:
    if protection.is_bracket(accepted):
        protection.hold(work, order, accepted)
    if order.group_kind:
        groups.join(work, order)


def _order(
    event: Event[ToBroker], accepted: Accepted, arrived: int, latency_ns: int
) -> RestingOrder:
    return RestingOrder(
        order_id=accepted.order_id,
        client_order_id=accepted.client_order_id,
        account=accepted.account,
        symbol=accepted.symbol,
        side=accepted.side,
        type=accepted.type,
        tif=accepted.tif,
        qty=accepted.qty,
        state="ACCEPTED",
        active_at=arrived + latency_ns,
        accepted_ref=event.ref,
        command_ref=accepted.command_ref,
        maker_rate=accepted.maker_rate,
        taker_rate=accepted.taker_rate,
        price=accepted.price,
        stop_price=0 if accepted.type == "trailing_stop" else accepted.stop_price,
        protection=accepted.protection,
        reduce_only=accepted.reduce_only,
        post_only=accepted.post_only,
        expire_at=accepted.expire_at,
        trigger=accepted.trigger,
        trail_ticks=accepted.trail_ticks,
        trail_bps=accepted.trail_bps,
        latency_ns=latency_ns,
        parent_id=accepted.parent_id if accepted.group_kind == "oto" else "",
        group_id=accepted.group_id,
        group_kind=accepted.group_kind,
        strategy=accepted.strategy,
        mode=accepted.mode,
        mode_epoch=accepted.mode_epoch,
        prediction=accepted.prediction,
    )


def _change(event: Event[ToBroker], asked: ReplaceAccepted, active_at: int) -> Change:
    return Change(
        active_at=active_at,
        ref=event.ref,
        command_ref=asked.command_ref,
        qty=asked.qty,
        price=asked.price,
        stop_price=asked.stop_price,
        trail_ticks=asked.trail_ticks,
        trail_bps=asked.trail_bps,
        protection=asked.protection,
    )


def _rejected(event: Event[ToBroker], accepted: Accepted, reason: str) -> Output:
    """The only event of an order that cannot be taken in, since nothing says how to write its quantities."""
    rejected = OrderEvent(
        event_id=f"{accepted.order_id}:1",
        order_id=accepted.order_id,
        client_order_id=accepted.client_order_id,
        account=accepted.account,
        symbol=accepted.symbol,
        rev=1,
        type="REJECTED",
        state="REJECTED",
        qty="0",
        filled="0",
        remaining="0",
        time=max(event.clock_ns, accepted.time),
        cause=event.ref,
        side=accepted.side,
        reason=reason,
        command_ref=accepted.command_ref,
    )
    return Output(topics.EVENTS, accepted.account, rejected)
