"""What brackets ask of the broker: exits that come alive with each entry fill, shrink together and end together.

At every moment the protective stop is as large as what its entry has open (I16).
"""

import msgspec

from agents import activation
from agents.execution import Execution
from streams.ids import Ref
from streams.messages import Accepted, Side
from tables.exchange import Bracket, Holding, holding_key
from tables.lifecycle import BrokenInvariant
from tables.resting import RestingOrder


def hold(work: Execution, entry: RestingOrder, terms: Accepted) -> None:
    """Create the exits of a new entry; they wait, HELD, until it fills."""
    bracket = Bracket(entry.order_id, entry.account, entry.symbol, entry.side)
    work.exchange.brackets.put(entry.order_id, bracket)
    work.begin(_stop(entry, bracket.stop_id, terms))
    if terms.take_profit:
        work.begin(_exit(entry, bracket.profit_id, "/tp", type="limit", price=terms.take_profit))


def is_bracket(terms: Accepted) -> bool:
    """Whether an accepted order brings a protective stop."""
    return bool(terms.stop_loss or terms.stop_loss_trail_ticks or terms.stop_loss_trail_bps)


def is_crossed(work: Execution, order: RestingOrder) -> bool:
    """Whether an entry's protective stop would trigger at once on the standing book."""
    bracket = work.exchange.brackets.get(order.order_id)
    if bracket is None:
        return False
    stop = work.exchange.orders.get(bracket.stop_id)
    return stop is not None and work.sets_off(stop)


def filled(work: Execution, order: RestingOrder, qty: int) -> None:
    """Draw the consequences of a fill for the brackets of its account and symbol, before anything else matches."""
    bracket = work.exchange.brackets.get(order.entry_id)
    if bracket is not None and order.is_exit:
        _write(work, msgspec.structs.replace(bracket, exited=bracket.exited + qty))
    elif bracket is not None:
        _write(work, msgspec.structs.replace(bracket, entered=bracket.entered + qty))
    _shrink(work, order)


def cancel(work: Execution, order: RestingOrder, reason: str, command: Ref | None = None) -> None:
    """Cancel an order, and what lived by it."""
    work.step(order, "CANCELLED", "CANCELLED", reason, command)
    _bereave(work, order)


def expire(work: Execution, order: RestingOrder) -> None:
    """End an order whose time is over; one that waits for a parent or has triggered can only be cancelled."""
    if order.state in ("HELD", "TRIGGERED"):
        cancel(work, order, "EXPIRED")
        return
    work.step(order, "EXPIRED", "EXPIRED")
    _bereave(work, order)


def reject(work: Execution, order: RestingOrder, reason: str) -> None:
    """Refuse an order at its activation; one that came alive with its parent can only be cancelled."""
    if order.state != "ACCEPTED" or order.filled:
        cancel(work, order, reason)
        return
    work.step(order, "REJECTED", "REJECTED", reason)
    _bereave(work, order)


def check(work: Execution) -> None:
    """Raise BrokenInvariant when a bracket touched by this record has more open than its stop covers."""
    for entry_id in work.touched:
        bracket = work.exchange.brackets.get(entry_id)
        if bracket is None:
            continue
        stop = work.exchange.orders.get(bracket.stop_id)
        covered = stop.remaining if stop is not None and stop.state != "HELD" else 0
        if not 0 <= bracket.open <= covered:
            raise BrokenInvariant(f"I16: {entry_id} has {bracket.open} open, {covered} covered")


def _bereave(work: Execution, order: RestingOrder) -> None:
    """Exits whose entry never filled end with it; an entry whose stop is gone ends too."""
    bracket = work.exchange.brackets.get(order.entry_id)
    if bracket is None:
        return
    if order.is_protective:
        _end(work, bracket, "EXIT_COMPLETE")
    elif not order.is_exit and bracket.entered == 0:
        _end(work, bracket, "PARENT_ENDED")


def _write(work: Execution, bracket: Bracket) -> None:
    """Keep a bracket and bring its exits in step with what it has open."""
    work.touched.add(bracket.entry_id)
    work.exchange.brackets.put(bracket.entry_id, bracket)
    if bracket.open == 0:
        _end(work, bracket, "EXIT_COMPLETE")
        return
    _list(work, bracket)
    for order_id in (bracket.stop_id, bracket.profit_id):
        order = work.exchange.orders.get(order_id)
        if order is None:
            continue
        if order.state == "HELD":
            activation.arm(work, order, qty=bracket.open)
        elif order.remaining != bracket.open:
            work.step(order, "RESTATED", order.state, qty=order.filled + bracket.open)


def _end(work: Execution, bracket: Bracket, reason: str) -> None:
    """Cancel all that is left of a bracket, exits before the entry."""
    for order_id in (bracket.stop_id, bracket.profit_id, bracket.entry_id):
        order = work.exchange.orders.get(order_id)
        if order is not None:
            work.step(order, "CANCELLED", "CANCELLED", reason)
    work.exchange.brackets.delete(bracket.entry_id)
    _unlist(work, bracket)


def _shrink(work: Execution, order: RestingOrder) -> None:
    """A position reduced from outside shrinks the newest bracket first."""
    holding = work.exchange.holdings.get(holding_key(order.account, order.symbol))
    if holding is None:
        return
    listed = [work.exchange.brackets[entry_id] for entry_id in holding.brackets]
    against = [bracket for bracket in listed if bracket.side != order.side]
    left = max(0, -order.sign * holding.net)
    excess = sum(bracket.open for bracket in against) - left
    for bracket in reversed(against):
        cut = min(excess, bracket.open)
        if cut > 0:
            excess -= cut
            _write(work, msgspec.structs.replace(bracket, shrunk=bracket.shrunk + cut))


def _list(work: Execution, bracket: Bracket) -> None:
    key = holding_key(bracket.account, bracket.symbol)
    holding = work.exchange.holdings.get(key) or Holding()
    if bracket.entry_id not in holding.brackets:
        brackets = (*holding.brackets, bracket.entry_id)
        work.exchange.hold(bracket.account, bracket.symbol, Holding(holding.net, brackets))


def _unlist(work: Execution, bracket: Bracket) -> None:
    holding = work.exchange.holdings.get(holding_key(bracket.account, bracket.symbol))
    if holding is not None and bracket.entry_id in holding.brackets:
        brackets = tuple(entry_id for entry_id in holding.brackets if entry_id != bracket.entry_id)
        work.exchange.hold(bracket.account, bracket.symbol, Holding(holding.net, brackets))


def _stop(entry: RestingOrder, order_id: str, terms: Accepted) -> RestingOrder:
    trails = bool(terms.stop_loss_trail_ticks or terms.stop_loss_trail_bps)
    return _exit(
        entry,
        order_id,
        "/sl",
        type="trailing_stop" if trails else "stop",
        stop_price=0 if trails else terms.stop_loss,
        trigger=terms.stop_loss_trigger,
        trail_ticks=terms.stop_loss_trail_ticks,
        trail_bps=terms.stop_loss_trail_bps,
    )


def _exit(entry: RestingOrder, order_id: str, suffix: str, **terms: object) -> RestingOrder:
    """An exit as it is before its first event; its quantity is the entry's until it is armed."""
    side: Side = "sell" if entry.side == "buy" else "buy"
    exit_ = RestingOrder(
        order_id=order_id,
        client_order_id=f"{entry.client_order_id}{suffix}",
        account=entry.account,
        symbol=entry.symbol,
        side=side,
        type="limit",
        tif="GTC",
        qty=entry.qty,
        state="HELD",
        active_at=0,
        accepted_ref=entry.accepted_ref,
        command_ref=entry.command_ref,
        maker_rate=entry.maker_rate,
        taker_rate=entry.taker_rate,
        reduce_only=True,
        parent_id=entry.order_id,
        strategy=entry.strategy,
        mode=entry.mode,
        mode_epoch=entry.mode_epoch,
        prediction=entry.prediction,
    )
    return msgspec.structs.replace(exit_, **terms)
