"""Orders that wait for a verdict: held with their reservation, approved or vetoed, and refused when nobody answers."""

from agents import decisions, handover
from agents.handler import Event, Output
from streams import control, money, orders
from streams.messages import Decision
from streams.orders import New, Parsed
from tables import limits, open_orders
from tables.account_tables import AccountTables, Review
from tables.candidate import Candidate, Refusal
from tables.look_up import look_up
from tables.orders import REVIEW, LiveOrder

WAIT_NS = 10**9
"""So long in event time an order waits for its verdict."""


def is_due(candidate: Candidate) -> bool:
    """Whether somebody looks at this order before it goes to the broker; nobody does at an exit."""
    profile = candidate.profile
    return profile is not None and profile.watchdog == "review" and not candidate.is_reducing


def hold(
    event: Event[Parsed], candidate: Candidate, decision: Decision, tables: AccountTables
) -> list[Output]:
    """Keep an order that has passed every check until its verdict; what it may cost is reserved."""
    order_id = decision.decision_id
    terms = handover.terms(candidate)
    reserved = handover.reserved(terms)
    used = decisions.inputs(candidate, reserved)
    open_orders.accept(tables, order_id, candidate.as_live(terms, REVIEW))
    review = Review(event.message.raw.decode(), event.ref, candidate.qty, event.clock_ns + WAIT_NS)
    tables.reviews.put(order_id, review)
    decisions.spend(event, decision, tables, "held", order_id=order_id, state=REVIEW)
    held = decisions.answer(
        decision, outcome="held", order_id=order_id, reserved=money.text(reserved), **used
    )
    return [held]


def on_verdict(
    event: Event[control.Read | None], record: control.Review, tables: AccountTables
) -> list[Output]:
    """Send an approved order on, if it still passes; a late or second verdict is counted and has no effect."""
    order = tables.orders.get(record.order_id)
    if record.order_id not in tables.reviews or order is None:
        if _concerns(record, tables):
            tables.edit_cell().late_verdicts += 1
        return []
    detail = f"{record.reviewer}: {record.reason}"
    if record.verdict == "veto":
        refusal = Refusal("WATCHDOG_VETO", detail)
        return [refuse(event.clock_ns, record.order_id, order, refusal, tables)]
    return _approve(event.clock_ns, record.order_id, order, detail, tables)


def expire(clock_ns: int, tables: AccountTables) -> list[Output]:
    """Refuse all that have waited too long; asked at each mark."""
    outputs: list[Output] = []
    while (order_id := tables.reviews_by_deadline.oldest()) is not None:
        if tables.reviews[order_id].deadline >= clock_ns:
            break
        refusal = Refusal("WATCHDOG_TIMEOUT", f"no verdict within {WAIT_NS // 10**6} ms")
        outputs.append(refuse(clock_ns, order_id, tables.orders[order_id], refusal, tables))
    return outputs


def refuse(
    clock_ns: int, order_id: str, order: LiveOrder, refusal: Refusal, tables: AccountTables
) -> Output:
    """End an order that waits: the broker has never seen it."""
    decision = _decision(clock_ns, order_id, order, tables)
    withdraw(order_id, order, "REJECTED", tables)
    return decisions.answer(decision, reason=refusal.reason, detail=refusal.detail)


def withdraw(order_id: str, order: LiveOrder, state: str, tables: AccountTables) -> None:
    """Release what an order that waits has reserved, and wait no more."""
    open_orders.withdraw(tables, order_id, order, state)
    tables.reviews.delete(order_id)


def _approve(
    clock_ns: int, order_id: str, order: LiveOrder, detail: str, tables: AccountTables
) -> list[Output]:
    """The checks of an entry run again, as if it came now, with the size that it was given then."""
    review = tables.reviews[order_id]
    decision = _decision(clock_ns, order_id, order, tables)
    withdraw(order_id, order, "REJECTED", tables)
    parsed = orders.decode(review.command.encode())
    assert isinstance(parsed.command, New), "only new orders wait for a review"
    candidate = look_up(parsed.command, clock_ns, tables, parsed.created_at, parsed.expire_at)
    candidate.qty, candidate.watchdog = review.qty, f"review {detail}"
    refusal = limits.first_refusal(limits.ENTRY, candidate, tables)
    if refusal is not None:
        used = decisions.inputs(candidate)
        return [decisions.answer(decision, reason=refusal.reason, detail=refusal.detail, **used)]
    terms = handover.terms(candidate)
    reserved = handover.reserved(terms)
    used = decisions.inputs(candidate, reserved)
    accepted = decisions.answer(decision, outcome="accepted", reserved=money.text(reserved), **used)
    live = candidate.as_live(terms)
    open_orders.accept(tables, order_id, live)
    open_orders.remember(tables, order_id, live)
    sent = handover.to_broker(candidate, order_id, terms, review.command_ref, tables)
    return [accepted, sent]


def _decision(clock_ns: int, order_id: str, order: LiveOrder, tables: AccountTables) -> Decision:
    review = tables.reviews[order_id]
    return Decision(
        decision_id=f"{order_id}-review",
        kind="review",
        outcome="rejected",
        account=order.account,
        command_ref=review.command_ref,
        time=clock_ns,
        client_order_id=order.client_order_id,
        order_id=order_id,
        symbol=order.symbol,
        control_offset=decisions.control_offset(tables),
        limits_version=tables.version(f"limits:{order.account}"),
        mode=decisions.SIMULATED,
        mode_epoch=tables.mode_epoch(order.account),
    )


def _concerns(record: control.Review, tables: AccountTables) -> bool:
    """Whether the order is one of this partition; every cell hears every verdict."""
    return int(record.order_id.split("-")[1]) == tables.partition
