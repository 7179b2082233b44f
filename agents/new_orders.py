"""One new order through the gate: refused with a reason, answered as a repeat, or accepted with its reservation."""

from agents import decisions
from agents.handler import Event, Output
from streams import money, topics
from streams.messages import Accepted, Decision, MarkUsed, ToBroker
from streams.orders import New, Parsed
from tables import limits, marks, open_orders, reservation
from tables.account_tables import AccountTables
from tables.candidate import Candidate, look_up


def decide(
    event: Event[Parsed], command: New, decision: Decision, tables: AccountTables
) -> list[Output]:
    """The decision, and for an accepted order what the broker gets."""
    candidate = look_up(command, event.clock_ns, tables)
    refusal = limits.first_refusal(limits.BEFORE_IDEMPOTENCY, candidate, tables)
    if refusal is None:
        repeat = decisions.repeated(event, decision, tables)
        if isinstance(repeat, Output):
            return [repeat]
        refusal = repeat or limits.first_refusal(limits.AFTER_IDEMPOTENCY, candidate, tables)
    if refusal is not None:
        return decisions.reject(event, decision, refusal, tables, marks=_marks(candidate))
    return _accept(event, candidate, decision, tables)


def _accept(
    event: Event[Parsed], candidate: Candidate, decision: Decision, tables: AccountTables
) -> list[Output]:
    instrument, profile = candidate.instrument, candidate.profile
    assert instrument is not None and profile is not None, "the gate refuses what it does not know"
    command, order_id = candidate.command, decision.decision_id
    lot = reservation.reserved_lot(candidate, instrument, profile)
    protection = reservation.protection(candidate)
    live = candidate.as_live(lot, candidate.price or protection)
    open_orders.accept(tables, order_id, live)
    decisions.spend(event, tables, "accepted", order_id=order_id, state=live.state)
    reserved = money.text(lot * candidate.qty)
    accepted = Accepted(
        order_id=order_id,
        client_order_id=command.client_order_id,
        account=command.account,
        symbol=command.symbol,
        side=command.side,
        type=command.type,
        tif=candidate.tif,
        qty=candidate.qty,
        price=candidate.price,
        stop_price=candidate.stop_price,
        stop_loss=candidate.stop_loss,
        take_profit=candidate.take_profit,
        protection=protection,
        # A cash account's sell never opens a short, whatever else sold the position meanwhile: the broker clamps it.
        reduce_only=command.reduce_only or (candidate.is_cash and candidate.side < 0),
        maker_rate=profile.maker_rate,
        taker_rate=profile.taker_rate,
        reserved=reserved,
        command_ref=event.ref,
        time=event.clock_ns,
        strategy=command.strategy or "",
    )
    return [
        decisions.answer(
            decision,
            outcome="accepted",
            order_id=order_id,
            reserved=reserved,
            marks=_marks(candidate),
        ),
        Output(topics.ACCEPTED, command.symbol, ToBroker(order=accepted)),
    ]


def _marks(candidate: Candidate) -> tuple[MarkUsed, ...]:
    """The marks that were consulted."""
    if candidate.exposure is not None:
        return candidate.exposure.marks
    mark = candidate.mark
    if mark is None:
        return ()
    age = marks.age_ms(mark, candidate.clock)
    return (MarkUsed(candidate.command.symbol, mark.cause, mark.mid2, age),)
