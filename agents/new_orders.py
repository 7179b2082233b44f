"""One new order through the gate: refused with a reason, answered as a repeat, held for a review, or accepted."""

from agents import decisions, handover, reviews
from agents.handler import Event, Output
from streams import money
from streams.messages import Decision
from streams.orders import New, Parsed
from tables import limits, open_orders
from tables.account_tables import AccountTables
from tables.candidate import Candidate
from tables.look_up import look_up


def decide(
    event: Event[Parsed], command: New, decision: Decision, tables: AccountTables
) -> list[Output]:
    """The decision, and for an accepted order what the broker gets.

    A repeat is answered before anything else is asked, since the world may have changed under its first outcome.
    """
    repeat = decisions.repeated(event, decision, tables)
    if isinstance(repeat, Output):
        return [repeat]
    parsed = event.message
    candidate = look_up(command, event.clock_ns, tables, parsed.created_at, parsed.expire_at)
    candidate.mode = decision.mode
    refusal = (
        limits.first_refusal(limits.BEFORE_IDEMPOTENCY, candidate, tables)
        or repeat
        or limits.first_refusal(limits.AFTER_IDEMPOTENCY, candidate, tables)
    )
    if refusal is not None:
        return decisions.reject(event, decision, refusal, tables, **decisions.inputs(candidate))
    if reviews.is_due(candidate):
        return reviews.hold(event, candidate, decision, tables)
    return _accept(event, candidate, decision, tables)


def _accept(
    event: Event[Parsed], candidate: Candidate, decision: Decision, tables: AccountTables
) -> list[Output]:
    order_id = decision.decision_id
    terms = handover.terms(candidate)
    reserved = handover.reserved(terms)
    decided = decisions.answer(
        decision,
        outcome="accepted",
        order_id=order_id,
        reserved=money.text(reserved),
        **decisions.inputs(candidate, reserved),
    )
    open_orders.accept(tables, order_id, candidate.as_live(terms))
    decisions.spend(event, decision, tables, "accepted", order_id=order_id, state="ACCEPTED")
    return [decided, handover.to_broker(candidate, order_id, terms, event.ref, tables)]
