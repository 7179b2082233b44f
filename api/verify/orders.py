"""Rules of an order's life: every command answered once, one end at most, nothing filled that was not open."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

from api.verify.history import History, Violation, ref
from streams.ids import Ref
from streams.messages import TERMINAL, Accepted, Fill, OrderEvent

INTAKE = ("new", "cancel", "replace", "unreadable")


def check(history: History) -> Iterator[Violation]:
    """I1, I2, I3, I15, and I6 as far as it concerns live orders."""
    accepted = {
        m.order.order_id: m.order for _, m in history.messages("orders.accepted") if m.order
    }
    events: dict[str, list[OrderEvent]] = defaultdict(list)
    for _, event in history.messages("orders.events"):
        events[event.order_id].append(event)
    fills: dict[str, list[Fill]] = defaultdict(list)
    for _, fill in history.messages("fills"):
        fills[fill.order_id].append(fill)
    yield from _each_command_is_answered_once(history)
    yield from _accepted_orders_follow_decisions(history)
    yield from _lives(history, accepted, events)
    yield from _fills_are_unique(history)
    yield from _no_overfill(history, accepted, events, fills)


def _each_command_is_answered_once(history: History) -> Iterator[Violation]:
    answers: Counter[Ref] = Counter(
        Ref(*d.command_ref) for _, d in history.messages("risk.decisions") if d.kind in INTAKE
    )
    answers += Counter(
        Ref(*letter.origin)
        for _, letter in history.messages("dead.letters")
        if letter.origin.topic == "orders"
    )
    commands = {ref(record): history.applied(record) for record in history.of("orders")}
    for command, applied in commands.items():
        if answers[command] != applied:
            yield Violation("I2", f"{command} has {answers[command]} answers")
    for answered in answers.keys() - commands.keys():
        if not history.gone(answered):
            yield Violation("I2", f"{answered} is answered and does not exist")


def _accepted_orders_follow_decisions(history: History) -> Iterator[Violation]:
    decided = Counter(
        d.order_id
        for _, d in history.messages("risk.decisions")
        if d.kind == "new" and d.outcome == "accepted"
    )
    sent = Counter(m.order.order_id for _, m in history.messages("orders.accepted") if m.order)
    for order_id in decided.keys() | sent.keys():
        if (decided[order_id], sent[order_id]) != (1, 1):
            what = f"{decided[order_id]} decisions accept it, {sent[order_id]} orders follow"
            yield Violation("I2", f"order {order_id}: {what}")
    ids = Counter(
        (m.order.account, m.order.client_order_id)
        for _, m in history.messages("orders.accepted")
        if m.order
    )
    for key, count in ids.items():
        if count > 1:
            yield Violation("I2", f"{key} is accepted {count} times")


def _lives(
    history: History, accepted: dict[str, Accepted], events: dict[str, list[OrderEvent]]
) -> Iterator[Violation]:
    live = {key for _, key in history.rows("symbol-state", "exchange.orders")}
    arrived = {
        m.order.order_id
        for r, m in history.messages("orders.accepted")
        if m.order and history.applied(r)
    }
    for order_id in arrived | events.keys():
        life = events[order_id] if order_id in events else []
        if [event.rev for event in life] != list(range(1, len(life) + 1)):
            yield Violation("I1", f"order {order_id} has revisions {[e.rev for e in life]}")
        ends = [event.state for event in life if event.state in TERMINAL]
        if len(ends) > 1 or (ends and life[-1].state not in TERMINAL):
            yield Violation("I1", f"order {order_id} ends as {[e.state for e in life]}")
        if bool(ends) == (order_id in live):
            yield Violation("I1", f"order {order_id} ends as {ends}, live: {order_id in live}")
    for order_id in live - arrived - events.keys():
        yield Violation("I1", f"order {order_id} is live and nobody accepted it")
    known = {key for _, key in history.rows("account-state", "orders")}
    ended = {
        event.order_id
        for record, event in history.messages("orders.events")
        if event.state in TERMINAL and history.applied(record)
    }
    for order_id in known ^ (accepted.keys() - ended):
        yield Violation("I6", f"order {order_id}: live in risk is {order_id in known}")


def _fills_are_unique(history: History) -> Iterator[Violation]:
    seen = Counter(fill.fill_id for _, fill in history.messages("fills"))
    symbols = {
        ref(record): message.symbol
        for topic in ("market.quotes", "market.trades", "market.bars")
        for record, message in history.messages(topic, history.refused())
    }
    for _, fill in history.messages("fills"):
        if seen[fill.fill_id] > 1:
            yield Violation("I3", f"fill {fill.fill_id} is there {seen[fill.fill_id]} times")
        if not fill.fill_id.startswith(f"{fill.order_id}:{fill.cause[1]}:{fill.cause[2]}:"):
            yield Violation("I3", f"fill {fill.fill_id} is not named after {fill.cause}")
        cause = Ref(*fill.cause)
        if symbols.get(cause) != fill.symbol and not history.gone(cause):
            yield Violation("I15", f"fill {fill.fill_id} comes from no record of {fill.symbol}")


def _no_overfill(
    history: History,
    accepted: dict[str, Accepted],
    events: dict[str, list[OrderEvent]],
    fills: dict[str, list[Fill]],
) -> Iterator[Violation]:
    ticks = {
        c["instrument"]["symbol"]: (Fraction(c["instrument"]["tick"]), c["instrument"]["lot"])
        for _, c in history.control()
        if c["kind"] == "instrument"
    }
    for order_id in events.keys() | fills.keys():
        filled = sum((Fraction(fill.qty) for fill in fills[order_id]), Fraction())
        life = events[order_id]
        last = life[-1] if life else None
        if last is None or filled != Fraction(last.filled) or filled > Fraction(last.qty):
            yield Violation(
                "I3", f"order {order_id}: fills make {filled}, its last event is {last}"
            )
        elif (last.state == "FILLED") != (filled == Fraction(last.qty) and filled > 0):
            yield Violation("I3", f"order {order_id} is {last.state} with {filled} of {last.qty}")
        order = accepted.get(order_id)
        if order is None:
            continue
        tick, lot = ticks[order.symbol]
        if filled > order.qty * Fraction(lot):
            yield Violation("I3", f"order {order_id}: {filled} filled, {order.qty} lots accepted")
        yield from _limit(order, fills[order_id], tick)


def _limit(order: Accepted, fills: list[Fill], tick: Fraction) -> Iterator[Violation]:
    bound = order.price if order.type == "limit" else order.protection
    side = 1 if order.side == "buy" else -1
    for fill in fills:
        if bound and side * (Fraction(fill.price) - bound * tick) > 0:
            yield Violation("I3", f"fill {fill.fill_id} at {fill.price} is beyond {bound} ticks")
