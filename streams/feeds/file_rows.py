"""Turns rows of recorded trades and quotes into events, exactly or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from streams import money
from streams.feeds.source import MILLISECOND_NS, SECOND_NS, Event
from streams.instruments import Instrument
from streams.messages import Quote, Trade

Row: TypeAlias = tuple[Any, ...]

TRADE_COLUMNS = ("ts_ns", "exch_ts_ms", "symbol", "price", "size", "side", "trade_id")
QUOTE_COLUMNS = (
    "ts_ns", "exch_ts_ms", "symbol", "bid", "bid_size", "ask", "ask_size", "update_id"
)  # fmt: skip
OPTIONAL_COLUMNS = frozenset({"exch_ts_ms", "side", "update_id"})

STEP_TOLERANCE = 1e-4
"""How far, in ticks or lots, a float may lie from a whole number; doubles of prices lie nearer than this."""

STEPS_MAX = 10**11
"""Above this many ticks or lots a double no longer tells one from the next within the tolerance."""

FUTURE_NS_MAX = 5 * SECOND_NS
"""How far an exchange time may be ahead of its receive time."""

INTEGER_MAX = 2**63 - 1


class Rejected(ValueError):
    """A row that cannot become an event, under the reason it is counted by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Stamp:
    """How the events of one symbol are stamped.

    exchange_clock: event time is the exchange's, else the receive time; one choice for trades and quotes of a symbol.
    shift: ns added to every time. source: what the events carry.
    """

    exchange_clock: bool
    shift: int
    source: str

    def times(self, received: object, exchange_ms: object) -> tuple[int, int]:
        """(event time, receive time) in ns of the shifted row."""
        local = _integer(received, "ts_ns")
        if not self.exchange_clock:
            return local + self.shift, local + self.shift
        exchange = _integer(exchange_ms, "exch_ts_ms") * MILLISECOND_NS
        if exchange > local + FUTURE_NS_MAX:
            raise Rejected("TIME_IN_FUTURE", f"exch_ts_ms {exchange_ms} with ts_ns {received}")
        return exchange + self.shift, local + self.shift


def trade_reader(instrument: Instrument, stamp: Stamp) -> Callable[[Row], Event]:
    """A function from a row of TRADE_COLUMNS to a Trade; it raises Rejected."""
    ticks, lots = _steps(instrument)

    def read(row: Row) -> Event:
        received, exchange_ms, _, price, size, side, trade_id = row
        time, local = stamp.times(received, exchange_ms)
        return Trade(
            symbol=instrument.symbol,
            price=_positive(ticks(price), "PRICE_NOT_POSITIVE", price),
            size=_positive(lots(size), "SIZE_NOT_POSITIVE", size),
            time=time,
            received=local,
            trade_id=_integer(trade_id, "trade_id"),
            source=stamp.source,
            side=_side(side),
        )

    return read


def quote_reader(instrument: Instrument, stamp: Stamp) -> Callable[[Row], Event]:
    """A function from a row of QUOTE_COLUMNS to a Quote; it raises Rejected. A side without size is absent."""
    ticks, lots = _steps(instrument)

    def level(price: object, size: object) -> tuple[int, int]:
        if size is None and price is None:
            return 0, 0
        count = lots(size)
        if count == 0:
            return 0, 0
        return (
            _positive(ticks(price), "PRICE_NOT_POSITIVE", price),
            _positive(count, "SIZE_NOT_POSITIVE", size),
        )

    def read(row: Row) -> Event:
        received, exchange_ms, _, bid, bid_size, ask, ask_size, update_id = row
        time, local = stamp.times(received, exchange_ms)
        bid_ticks, bid_lots = level(bid, bid_size)
        ask_ticks, ask_lots = level(ask, ask_size)
        return Quote(
            symbol=instrument.symbol,
            bid=bid_ticks,
            ask=ask_ticks,
            bid_size=bid_lots,
            ask_size=ask_lots,
            time=time,
            received=local,
            sequence=local if update_id is None else _integer(update_id, "update_id"),
            source=stamp.source,
        )

    return read


def _steps(instrument: Instrument) -> tuple[Callable[[Any], int], Callable[[Any], int]]:
    return (
        _counter(instrument.tick_units, instrument.tick, "OFF_TICK"),
        _counter(instrument.lot_units, instrument.lot, "OFF_LOT"),
    )


def _counter(units: int, step: str, reason: str) -> Callable[[Any], int]:
    """A function from a float, an integer, a Decimal or a decimal string to whole steps."""
    width = float(step)

    def of_float(value: float) -> int:
        scaled = value / width
        if not -STEPS_MAX < scaled < STEPS_MAX:  # also catches NaN
            raise Rejected("BAD_FIELD", f"{value} is not a number that can be counted in {step}")
        count = round(scaled)
        if abs(scaled - count) > STEP_TOLERANCE:
            raise Rejected(reason, f"{value} is not a multiple of {step}")
        return count

    def count(value: Any) -> int:
        if type(value) is float:
            return of_float(value)
        exact = _units(value)
        if exact is None:
            return of_float(_float(value))
        whole, rest = divmod(exact, units)
        if rest:
            raise Rejected(reason, f"{value} is not a multiple of {step}")
        return whole

    return count


def _units(value: object) -> int | None:
    """10**-18 of a plain decimal; None where it is written otherwise, such as 1e-05."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    try:
        return money.parse(text)
    except ValueError:
        return None


def _float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise Rejected("BAD_FIELD", f"{str(value)[:40]!r} is not a number") from error


def _integer(value: object, column: str) -> int:
    if type(value) is int:
        number = value
    elif isinstance(value, float) and value.is_integer():  # a column of integers with gaps
        number = int(value)
    elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        number = int(value)
    else:
        raise Rejected("BAD_FIELD", f"{column} {str(value)[:40]!r} is not a whole number")
    if not 0 <= number <= INTEGER_MAX:
        raise Rejected("BAD_FIELD", f"{column} {number} is out of range")
    return number


def _positive(number: int, reason: str, value: object) -> int:
    if number <= 0:
        raise Rejected(reason, str(value))
    return number


def _side(value: object) -> Literal["buy", "sell", ""]:
    match value:
        case "buy":
            return "buy"
        case "sell":
            return "sell"
        case None | "":
            return ""
    raise Rejected("BAD_FIELD", f"side {str(value)[:40]!r} is neither buy nor sell")
