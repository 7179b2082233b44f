"""What the exchange writes of an order: its events and its fills, from the order as it then is."""

from typing import Literal, NamedTuple

from streams import ids, money
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import Fill, OrderEvent, Quote
from tables import costs
from tables.resting import RestingOrder


class Deal(NamedTuple):
    """One execution to book. qty: lots, price: ticks; the other fields as in `Fill`."""

    qty: int
    price: int
    rule: str
    maker: bool
    left_before: int
    left_after: int
    block: int = 0
    queue_ahead: int = 0
    slippage: int = 0


def event(
    order: RestingOrder,
    kind: str,
    reason: str,
    time: int,
    cause: Ref,
    command: Ref,
    instrument: Instrument,
) -> OrderEvent:
    """One step of an order's life, which `order` has already taken."""
    return OrderEvent(
        event_id=f"{order.order_id}:{order.rev}",
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        symbol=order.symbol,
        rev=order.rev,
        type=kind,
        state=order.state,
        qty=instrument.qty_text(order.qty),
        filled=instrument.qty_text(order.filled),
        remaining=instrument.qty_text(order.remaining),
        time=time,
        cause=cause,
        side=order.side,
        price=instrument.price_text(order.price) if order.price else "",
        stop_price=instrument.price_text(order.stop_price) if order.stop_price else "",
        parent_id=exit_of(order),
        reason=reason,
        pending=pending(order),
        group_id=group_of(order),
        command_ref=command,
    )


def fill(
    order: RestingOrder,
    deal: Deal,
    time: int,
    cause: Ref,
    instrument: Instrument,
    quote: Quote | None,
    control_offset: int,
) -> Fill:
    """One execution of an order on the book as shown, before the order has counted it."""
    notional = instrument.notional(deal.price, deal.qty)
    rate = order.maker_rate if deal.maker else order.taker_rate
    return Fill(
        # The leg counts through the order's life: a quote and a trade may share partition and offset.
        fill_id=ids.fill_id(order.order_id, cause, order.legs),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        symbol=order.symbol,
        side=order.side,
        qty=instrument.qty_text(deal.qty),
        price=instrument.price_text(deal.price),
        notional=money.text(notional),
        fee=money.text(costs.fee(notional, rate)),
        fee_rate=rate,
        liquidity="maker" if deal.maker else "taker",
        rule=deal.rule,
        cause=cause,
        order_ref=order.command_ref,
        time=time,
        active_at=order.active_at,
        bid=quote.bid if quote is not None else 0,
        ask=quote.ask if quote is not None else 0,
        parent_id=exit_of(order),
        strategy=order.strategy,
        leg=order.legs,
        block=deal.block,
        accepted_ref=order.accepted_ref,
        trigger_ref=order.trigger_ref,
        bid_size=quote.bid_size if quote is not None else 0,
        ask_size=quote.ask_size if quote is not None else 0,
        left_before=deal.left_before,
        left_after=deal.left_after,
        queue_ahead=deal.queue_ahead,
        latency_ns=order.latency_ns,
        slippage_ticks=deal.slippage,
        group_id=group_of(order),
        mode=order.mode,
        mode_epoch=order.mode_epoch,
        prediction=order.prediction,
        control_offset=control_offset,
    )


def pending(order: RestingOrder) -> Literal["none", "cancel", "replace"]:
    """What is under way for an order."""
    if order.cancel_at:
        return "cancel"
    return "none" if order.change is None else "replace"


def exit_of(order: RestingOrder) -> str:
    """The entry that an exit protects; risk knows the other orders by themselves."""
    return order.parent_id if order.is_exit else ""


def group_of(order: RestingOrder) -> str:
    """The group of an order, or the parent of an oto child."""
    return order.parent_id if order.group_kind == "oto" else order.group_id
