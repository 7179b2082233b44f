"""The kill switch: once a cell has applied a kill, it accepts no entry in its scope until it applies the resume."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from api.verify.history import History, Violation, ref, stamp
from streams.messages import Accepted

Held = dict[tuple[str, str], list[tuple[int, Fraction]]]
"""By account and symbol: the position after each step of its cell, in their order."""


def check(history: History) -> Iterator[Violation]:
    """I10, as far as it concerns the kill switch."""
    records = [(r.offset, c) for r, c in history.control() if c.get("kind") == "kill"]
    if not records:
        return
    orders = {m.order.order_id: m.order for _, m in history.messages("orders.accepted") if m.order}
    held, lots = _positions(history), _lots(history)
    for record, decision in history.messages("risk.decisions"):
        order = orders.get(decision.order_id)
        found = stamp(record)
        if (decision.kind, decision.outcome) != ("new", "accepted") or order is None or not found:
            continue
        scope = _killed(order, decision.control_offset, records)
        if scope and not _reduces(order, found.step, held, lots):
            yield Violation(
                "I10", f"{ref(record)} accepts {order.order_id} while {scope} is killed"
            )


def _killed(order: Accepted, applied: int, records: list[tuple[int, dict[str, Any]]]) -> str:
    """The killed scope that covers an order once the control records up to this offset are applied."""
    scopes = {"global", f"account:{order.account}", f"symbol:{order.symbol}"}
    if order.strategy:
        scopes.add(f"strategy:{order.strategy}")
    latched: dict[str, tuple[int, str]] = {}
    for offset, record in records:
        if offset <= applied and record["seq"] > latched.get(record["scope"], (0, ""))[0]:
            latched[record["scope"]] = record["seq"], record["action"]
    return next((s for s, (_, action) in latched.items() if action == "kill" and s in scopes), "")


def _positions(history: History) -> Held:
    held: Held = defaultdict(list)
    for record, position in history.messages("positions"):
        found = stamp(record)
        if found is not None and position.symbol:
            held[position.account, position.symbol].append((found.step, Fraction(position.qty)))
    return held


def _lots(history: History) -> dict[str, Fraction]:
    return {
        c["instrument"]["symbol"]: Fraction(c["instrument"]["lot"])
        for _, c in history.control()
        if c.get("kind") == "instrument"
    }


def _reduces(order: Accepted, step: int, held: Held, lots: dict[str, Fraction]) -> bool:
    """Whether an order takes from the position that its account had at that step."""
    net = Fraction()
    for at, qty in held.get((order.account, order.symbol), ()):
        if at < step:
            net = qty
    side = 1 if order.side == "buy" else -1
    return order.reduce_only or (side * net < 0 and order.qty * lots[order.symbol] <= abs(net))
