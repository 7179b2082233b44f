"""Reads the frames of Kraken's WebSocket v2 as text, so that no number passes through a float."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

from streams import money
from streams.feeds.source import SECOND_NS
from streams.instruments import Instrument

FRAME_BYTES_MAX = 1 << 20
FUTURE_NS_MAX = 5 * SECOND_NS
"""How far a venue's time may be ahead of the receive time."""

EXPONENT_MAX = 18
_NUMBER = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,30}))?[eE]([+-]?[0-9]{1,2})")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(ValueError):
    """A frame or one of its rows that cannot be used, under the reason it is counted by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class TradeRow:
    """One row of the channel `trade`, in ticks and lots; time in ns."""

    instrument: Instrument
    price: int
    size: int
    side: Literal["buy", "sell"]
    trade_id: int
    time: int


@dataclass(frozen=True)
class TickerRow:
    """One row of the channel `ticker`; a side without size is 0, time is None where the venue gave none."""

    instrument: Instrument
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    time: int | None


def parse(frame: str | bytes, *, bytes_max: int = FRAME_BYTES_MAX) -> dict[str, Any]:
    """The frame's JSON object, every number as its text. Raises Malformed."""
    if len(frame) > bytes_max:
        raise Malformed("TOO_LARGE", f"{len(frame)} bytes")
    try:
        text = frame.decode() if isinstance(frame, bytes) else frame
        value = json.loads(text, parse_float=str, parse_int=str, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("NOT_JSON", f"{error} in {frame[:80]!r}") from error
    if not isinstance(value, dict):
        raise Malformed("NOT_AN_OBJECT", repr(value)[:80])
    return value


def rows(frame: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a channel's frame. Raises Malformed where `data` is not a list of objects."""
    data = frame.get("data")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Malformed("BAD_FIELD", f"data: {repr(data)[:80]}")
    return data


def trade_row(row: dict[str, Any], by_pair: dict[str, Instrument]) -> TradeRow:
    """One trade. Raises Malformed."""
    instrument = _instrument(row, by_pair)
    side = row.get("side")
    if side not in ("buy", "sell"):
        raise Malformed("BAD_FIELD", f"side {side!r}")
    return TradeRow(
        instrument=instrument,
        price=_positive(_ticks(row, "price", instrument), "PRICE_NOT_POSITIVE"),
        size=_positive(_lots(row, "qty", instrument), "SIZE_NOT_POSITIVE"),
        side=side,
        trade_id=_trade_id(row.get("trade_id")),
        time=timestamp(row.get("timestamp")),
    )


def ticker_row(row: dict[str, Any], by_pair: dict[str, Instrument]) -> TickerRow:
    """One best bid and ask. Raises Malformed."""
    instrument = _instrument(row, by_pair)
    bid, bid_size = _level(row, "bid", instrument)
    ask, ask_size = _level(row, "ask", instrument)
    time = timestamp(row["timestamp"]) if row.get("timestamp") is not None else None
    return TickerRow(instrument, bid, bid_size, ask, ask_size, time)


def check_time(row: object, received: int) -> None:
    """Raises Malformed where a row's time is ahead of its receive time by more than a clock may be wrong."""
    time = getattr(row, "time", None)
    if time is not None and time > received + FUTURE_NS_MAX:
        raise Malformed("TIME_IN_FUTURE", f"{time} received at {received}")


def timestamp(value: object) -> int:
    """ns of an RFC 3339 time in UTC, exact to the digits given. Raises Malformed."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        _refuse("timestamp", value)
    try:
        since = datetime.fromisoformat(match[1] + "+00:00") - _EPOCH
    except ValueError:
        _refuse("timestamp", value)
    fraction = int((match[2] or "").ljust(9, "0"))
    return (since.days * 86_400 + since.seconds) * SECOND_NS + fraction


def plain(number: str) -> str:
    """A number token without its exponent, the same value digit by digit. Raises ValueError."""
    match = _NUMBER.fullmatch(number)
    if match is None:
        return number
    whole, fraction, exponent = match[1], match[2] or "", int(match[3])
    if abs(exponent) > EXPONENT_MAX:
        raise ValueError(f"exponent of {number} is out of range")
    digits = whole + fraction
    point = len(whole) + exponent
    padded = "0" * -point + digits if point < 0 else digits.ljust(point, "0")
    point = max(point, 0)
    return f"{padded[:point].lstrip('0') or '0'}.{padded[point:].rstrip('0') or '0'}"


def _instrument(row: dict[str, Any], by_pair: dict[str, Instrument]) -> Instrument:
    pair = row.get("symbol")
    instrument = by_pair.get(pair) if isinstance(pair, str) else None
    if instrument is None:
        raise Malformed("UNKNOWN_SYMBOL", repr(pair)[:80])
    return instrument


def _level(row: dict[str, Any], side: str, instrument: Instrument) -> tuple[int, int]:
    size = _lots(row, f"{side}_qty", instrument)
    if size == 0:
        return 0, 0
    return _positive(_ticks(row, side, instrument), "PRICE_NOT_POSITIVE"), size


def _ticks(row: dict[str, Any], field: str, instrument: Instrument) -> int:
    return _whole(row.get(field), field, instrument.price_ticks, "OFF_TICK")


def _lots(row: dict[str, Any], field: str, instrument: Instrument) -> int:
    count = _whole(row.get(field), field, instrument.qty_lots, "OFF_LOT")
    if count < 0:
        raise Malformed("SIZE_NOT_POSITIVE", f"{field} {row.get(field)}")
    return count


def _whole(value: object, field: str, count: Callable[[str], int], reason: str) -> int:
    if not isinstance(value, str):
        _refuse(field, value)
    try:
        text = plain(value)
        money.parse(text)
    except ValueError as error:
        raise Malformed("BAD_FIELD", f"{field} {value[:60]!r}") from error
    try:
        return count(text)
    except ValueError as error:
        raise Malformed(reason, f"{field} {error}") from error


def _trade_id(value: object) -> int:
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19):
        _refuse("trade_id", value)
    return int(value)


def _positive(number: int, reason: str) -> int:
    if number <= 0:
        raise Malformed(reason, str(number))
    return number


def _refuse(field: str, value: object) -> NoReturn:
    raise Malformed("BAD_FIELD", f"{field} {repr(value)[:60]}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
