"""What the API shows of a message: amounts as decimal strings, times as RFC 3339 UTC, references spelled out."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api import answers
from streams import messages, predictions
from streams.ids import Ref
from streams.instruments import Instrument

SECOND = 1_000_000_000


def rfc3339(time_ns: int) -> str:
    """A time in nanoseconds as text."""
    seconds, rest = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def ref(given: Ref) -> dict[str, Any]:
    return {"topic": given.topic, "partition": given.partition, "offset": given.offset}


def place(given: Ref) -> answers.Place:
    return answers.Place(topic=given.topic, partition=given.partition, offset=given.offset)


def position(
    message: messages.Position,
    mark: messages.Mark | None = None,
    instrument: Instrument | None = None,
) -> answers.Position:
    """mark, instrument: of its symbol, where they are known."""
    mid = None if mark is None or instrument is None else _mid(mark, instrument)
    unrealised = None
    if mid is not None and instrument is not None:
        # For a screen: exact amounts are in the ledger.
        value = Decimal(message.qty) * mid * Decimal(instrument.multiplier)
        unrealised = plain(value - Decimal(message.cost))
    return answers.Position(
        account=message.account,
        symbol=message.symbol,
        qty=message.qty,
        average_price=message.average_price,
        cost=message.cost,
        gross=message.gross,
        fees=message.fees,
        net=message.net,
        realised=message.realised,
        mark=None if mid is None else plain(mid),
        unrealised=unrealised,
        fill_id=message.fill_id,
        time=rfc3339(message.time),
    )


def account(message: messages.Position) -> answers.Account:
    return answers.Account(
        account=message.account,
        cash=message.cash,
        reserved=message.reserved,
        time=rfc3339(message.time),
    )


def order(message: messages.OrderEvent) -> answers.Order:
    return answers.Order(**_order(message))


def order_step(message: messages.OrderEvent, at: Ref) -> answers.OrderStep:
    return answers.OrderStep(**_order(message), at=place(at))


def _order(message: messages.OrderEvent) -> dict[str, Any]:
    return {
        "order_id": message.order_id,
        "client_order_id": message.client_order_id,
        "account": message.account,
        "symbol": message.symbol,
        "type": message.type,
        "side": message.side,
        "state": message.state,
        "qty": message.qty,
        "filled": message.filled,
        "remaining": message.remaining,
        "price": message.price or None,
        "stop_price": message.stop_price or None,
        "parent_id": message.parent_id or None,
        "reason": message.reason,
        "revision": message.rev,
        "time": rfc3339(message.time),
        "cause": place(message.cause),
    }


def decision(message: messages.Decision, at: Ref) -> answers.Decision:
    return answers.Decision(
        decision_id=message.decision_id,
        kind=message.kind,
        outcome=message.outcome,
        reason=message.reason,
        detail=message.detail,
        account=message.account,
        client_order_id=message.client_order_id,
        order_id=message.order_id,
        symbol=message.symbol,
        time=rfc3339(message.time),
        command=place(message.command_ref),
        at=place(at),
    )


def fill(message: messages.Fill, at: Ref) -> answers.Fill:
    return answers.Fill(
        fill_id=message.fill_id,
        order_id=message.order_id,
        client_order_id=message.client_order_id,
        account=message.account,
        symbol=message.symbol,
        side=message.side,
        qty=message.qty,
        price=message.price,
        notional=message.notional,
        fee=message.fee,
        liquidity=message.liquidity,
        rule=message.rule,
        strategy=message.strategy,
        time=rfc3339(message.time),
        cause=place(message.cause),
        order=place(message.order_ref),
        at=place(at),
    )


def prediction(message: predictions.Prediction, at: Ref) -> answers.Prediction:
    return answers.Prediction(
        prediction_id=message.prediction_id,
        symbol=message.symbol,
        model=message.model,
        version=message.served.version,
        p=message.served.p,
        abstain=message.served.abstain,
        learned=message.served.learned,
        outputs=[{"version": o.version, "p": o.p, "abstain": o.abstain} for o in message.outputs],
        time=rfc3339(message.time),
        at=place(at),
    )


def mark(message: messages.Mark, instrument: Instrument | None) -> answers.Mark:
    """Prices are null where the instrument's tick is not known, or that side is absent."""

    def price(ticks: int) -> str | None:
        return None if instrument is None or not ticks else instrument.price_text(ticks)

    mid = None if instrument is None else _mid(message, instrument)
    return answers.Mark(
        symbol=message.symbol,
        bid=price(message.bid),
        ask=price(message.ask),
        last=price(message.last),
        mid=None if mid is None else plain(mid),
        status=message.status,
        breaker=message.breaker,
        source=message.source,
        time=rfc3339(message.time),
    )


def plain(value: Decimal) -> str:
    """Digits without an exponent, and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mid(message: messages.Mark, instrument: Instrument) -> Decimal | None:
    return Decimal(message.mid2) / 2 * Decimal(instrument.tick) if message.mid2 else None
