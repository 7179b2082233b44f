"""From rows of the history to what the API shows of them: the same shapes that messages have."""

from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api import answers
from api.shapes import plain, rfc3339
from streams.instruments import Instrument

Row = dict[str, Any]


def fill(row: Row) -> answers.Fill:
    return answers.Fill(
        **_texts(
            row, "fill_id order_id client_order_id account symbol side liquidity rule strategy"
        ),
        **_amounts(row, "qty price notional fee"),
        time=rfc3339(row["event_ns"]),
        cause=_place(row, "cause"),
        order=_place(row, "order"),
        at=_at(row, "fills"),
    )


def audit_entry(row: Row) -> answers.AuditEntry:
    return answers.AuditEntry(
        **_texts(row, "seq actor action subject before after prev_hash hash"),
        time=rfc3339(row["at_ms"] * 1_000_000),
        at=_at(row, "control"),
    )


def decision(row: Row) -> answers.Decision:
    names = "decision_id kind outcome reason detail account client_order_id order_id symbol"
    return answers.Decision(
        **_texts(row, names),
        time=rfc3339(row["event_ns"]),
        command=_place(row, "command"),
        at=_at(row, "risk.decisions"),
    )


def order_step(row: Row) -> answers.OrderStep:
    return answers.OrderStep(
        **_texts(row, "order_id client_order_id account symbol type side state reason"),
        **_amounts(row, "qty filled remaining"),
        price=_amount(row["price"]),
        stop_price=_amount(row["stop_price"]),
        parent_id=row["parent_id"] or None,
        revision=row["rev"],
        time=rfc3339(row["event_ns"]),
        cause=_place(row, "cause"),
        at=_at(row, "orders.events"),
    )


def prediction(row: Row) -> answers.Prediction:
    return answers.Prediction(
        **_texts(row, "prediction_id symbol model version abstain"),
        p=row["p"],
        learned=row["learned"],
        outputs=row["outputs"],
        time=rfc3339(row["event_ns"]),
        at=_at(row, "predictions"),
    )


def dead_letter(row: Row, *, whole: bool) -> answers.DeadLetter:
    """whole: with the value's bytes."""
    value = row["value"] if whole else None
    return answers.DeadLetter(
        **_texts(row, "reason error sha256"),
        origin=_place(row, "origin"),
        time=rfc3339(row["origin_ms"] * 1_000_000),
        group=row["route_group"],
        length=row["length"],
        value_base64=None if value is None else b64encode(value).decode(),
    )


def bar(row: Row, instrument: Instrument) -> answers.Bar:
    """Ticks and lots in prices and quantities."""
    prices = {n: instrument.price_text(row[n]) for n in ("open", "high", "low", "close")}
    volume = instrument.qty_text(int(row["volume"]))
    return answers.Bar(time=row["time"], trades=row["trades"], volume=volume, **prices)


def run(row: Row) -> answers.Run:
    return answers.Run(
        **_texts(row, "run_id kind state error"),
        started_at=_utc(row["started_at"]),
        heartbeat_at=_utc(row["heartbeat_at"]),
        ended_at=None if row["ended_at"] is None else _utc(row["ended_at"]),
        config=row["config"],
        result=row["result"],
    )


def _texts(row: Row, names: str) -> Row:
    return {name: row[name] for name in names.split()}


def _amounts(row: Row, names: str) -> Row:
    return {name: plain(row[name]) for name in names.split()}


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _place(row: Row, what: str) -> answers.Place:
    return answers.Place(
        topic=row[f"{what}_topic"], partition=row[f"{what}_partition"], offset=row[f"{what}_offset"]
    )


def _at(row: Row, topic: str) -> answers.Place:
    return answers.Place(topic=topic, partition=row["log_partition"], offset=row["log_offset"])


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
