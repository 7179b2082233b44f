"""Other terms for a live order: checked by what they add, reserved at acceptance, and sent after it to the broker."""

from agents import decisions, targets
from agents.handler import Event, Output
from streams import money, topics
from streams.contract import Trail
from streams.instruments import Instrument
from streams.messages import Decision, ReplaceAccepted, ToBroker
from streams.orders import Bracket, New, Parsed, Replace, StopLoss, TakeProfit
from tables import limits, open_orders, reservation
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.look_up import look_up, steps
from tables.orders import REVIEW, Exit, LiveOrder, Terms


def decide(
    event: Event[Parsed], command: Replace, decision: Decision, tables: AccountTables
) -> list[Output]:
    """The decision on a replace."""
    if command.account not in tables.profiles:
        return decisions.reject(event, decision, Refusal("UNKNOWN_ACCOUNT"), tables)
    repeat = decisions.repeated(event, decision, tables)
    if isinstance(repeat, Output):
        return [repeat]
    order_id, found = targets.find(command.account, command.target, tables)
    refusal = repeat or _not_now(found)
    if refusal is not None or isinstance(found, Refusal):
        assert refusal is not None, "_not_now repeats a refusal"
        return decisions.reject(event, decision, refusal, tables, order_id=order_id)
    if isinstance(found, Exit):
        return _replace_exit(event, command, decision, order_id, found, tables)
    return _replace(event, command, decision, order_id, found, tables)


def _not_now(found: LiveOrder | Exit | Refusal) -> Refusal | None:
    """Why this order takes no replace at present."""
    if isinstance(found, Refusal):
        return found
    if isinstance(found, LiveOrder) and found.state == REVIEW:
        return Refusal("REVIEW_PENDING", "it waits for its review and can only be cancelled")
    if isinstance(found, LiveOrder) and found.asked is not None:
        return Refusal("REPLACE_PENDING", "another replace is on the way")
    return None


def _replace(
    event: Event[Parsed],
    command: Replace,
    decision: Decision,
    order_id: str,
    order: LiveOrder,
    tables: AccountTables,
) -> list[Output]:
    instrument, profile = tables.instruments[order.symbol], tables.profiles[order.account]
    decision_of = {"order_id": order_id, "symbol": order.symbol}
    wanted = _as_new(command, order, instrument)
    candidate = look_up(wanted, event.clock_ns, tables, event.message.created_at, replaces=order)
    candidate.mode = decision.mode
    refusal = _refusal(candidate, order, tables)
    if refusal is not None:
        used = decisions.inputs(candidate)
        return decisions.reject(event, decision, refusal, tables, **decision_of, **used)
    terms = reservation.terms(candidate, instrument, profile)
    used = decisions.inputs(candidate, reservation.needed(candidate, terms))
    open_orders.ask(tables, order_id, order, terms)
    decisions.spend(event, decision, tables, "accepted")
    decided = decisions.answer(
        decision,
        outcome="accepted",
        reserved=money.text(terms.reserved_lot * candidate.lots),
        **decision_of,
        **used,
    )
    asked = ReplaceAccepted(
        order_id=order_id,
        replace_id=command.client_order_id,
        account=order.account,
        symbol=order.symbol,
        command_ref=event.ref,
        time=event.clock_ns,
        qty=terms.qty if command.qty is not None else 0,
        price=terms.price if command.price is not None else 0,
        stop_price=terms.stop_price if command.stop_price is not None else 0,
        trail_ticks=terms.trail_ticks if command.trail is not None else 0,
        trail_bps=terms.trail_bps if command.trail is not None else 0,
        protection=reservation.protection(candidate),
        reserved_lot=money.text(terms.reserved_lot),
    )
    return [decided, Output(topics.ACCEPTED, order.symbol, ToBroker(replace=asked))]


def _refusal(candidate: Candidate, order: LiveOrder, tables: AccountTables) -> Refusal | None:
    """Checks 1 to 7, and all of them where the order grows or moves against the account."""
    refusal = limits.first_refusal(limits.BEFORE_IDEMPOTENCY, candidate, tables)
    if refusal is not None:
        return refusal
    gates = limits.AFTER_IDEMPOTENCY
    if not _asks_for_more(candidate, order):
        gates = tuple(gate for gate in gates if gate.reducing)
    return limits.first_refusal(gates, candidate, tables)


def _asks_for_more(candidate: Candidate, order: LiveOrder) -> bool:
    """Whether it adds lots, or leaves some open at a worse price; one that leaves none is a cancel, at any price."""
    if not candidate.lots:
        return False
    return candidate.lots > order.remaining or _is_worse(candidate, order)


def _is_worse(candidate: Candidate, order: LiveOrder) -> bool:
    """Whether a price moves against the account: more for a buy, less for a sell, further for a trail."""
    old: Terms = order.terms
    moves = (
        order.side * (candidate.price - old.price),
        order.side * (candidate.stop_price - old.stop_price),
        candidate.trail_ticks - old.trail_ticks,
        candidate.trail_bps - old.trail_bps,
    )
    return max(moves) > 0


def _as_new(command: Replace, order: LiveOrder, instrument: Instrument) -> New:
    """The order as if it were sent now with its new terms; its numbers are read like any other's."""
    old = order.terms
    bracket = None
    if order.is_bracketed:
        stop = instrument.price_text(order.stop_loss) if order.stop_loss else None
        profit = instrument.price_text(order.take_profit) if order.take_profit else None
        bracket = Bracket.model_construct(
            stop_loss=StopLoss.model_construct(stop_price=stop),
            take_profit=None if profit is None else TakeProfit(price=profit),
        )
    price, stop_price, trail = command.price, command.stop_price, command.trail
    if price is None and old.price:
        price = instrument.price_text(old.price)
    if stop_price is None and old.stop_price:
        stop_price = instrument.price_text(old.stop_price)
    if trail is None and (old.trail_ticks or old.trail_bps):
        trail = Trail.model_construct(ticks=old.trail_ticks or None, bps=old.trail_bps or None)
    return New.model_construct(
        v=1,
        cmd="new",
        created_at="",
        account=order.account,
        client_order_id=command.client_order_id,
        symbol=order.symbol,
        side="buy" if order.side > 0 else "sell",
        type=order.type,
        qty=command.qty if command.qty is not None else instrument.qty_text(old.qty),
        price=price,
        stop_price=stop_price,
        trail=trail,
        reduce_only=order.reduce_only,
        protection_bps=order.protection_bps,
        bracket=bracket,
        strategy=order.strategy or None,
    )


def _replace_exit(
    event: Event[Parsed],
    command: Replace,
    decision: Decision,
    order_id: str,
    exit: Exit,
    tables: AccountTables,
) -> list[Output]:
    """An exit reserves nothing and only reduces: its price may move, its quantity is its bracket's."""
    decision_of = {"order_id": order_id, "symbol": exit.symbol}
    instrument = tables.instruments[exit.symbol]
    fields = {"price": command.price, "stop_price": command.stop_price}
    refusal = None
    if command.qty is not None:
        refusal = Refusal("BAD_COMBINATION", "an exit's quantity is its bracket's")
    ticks: dict[str, int] = {}
    for name, text in fields.items():
        if text is not None and refusal is None:
            read = steps("PRICE", name, text, instrument.tick_units)
            refusal = read if isinstance(read, Refusal) else None
            ticks[name] = 0 if isinstance(read, Refusal) else read
    if refusal is not None:
        return decisions.reject(event, decision, refusal, tables, **decision_of)
    decisions.spend(event, decision, tables, "accepted")
    trail = command.trail
    asked = ReplaceAccepted(
        order_id=order_id,
        replace_id=command.client_order_id,
        account=exit.account,
        symbol=exit.symbol,
        command_ref=event.ref,
        time=event.clock_ns,
        trail_ticks=trail.ticks or 0 if trail is not None else 0,
        trail_bps=trail.bps or 0 if trail is not None else 0,
        price=ticks.get("price", 0),
        stop_price=ticks.get("stop_price", 0),
    )
    decided = decisions.answer(decision, outcome="accepted", **decision_of)
    return [decided, Output(topics.ACCEPTED, exit.symbol, ToBroker(replace=asked))]
