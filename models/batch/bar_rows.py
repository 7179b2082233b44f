"""Examples of a model over bars: each bar's vector, and what its close had become a horizon later."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from models import bars, labels
from models.labels import LabelSpec, Pending
from streams.ids import Ref
from streams.predictions import Example


class Bar(NamedTuple):
    """A closed bar in whole units of its finest price and volume. start, time: its first and last ns."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    start: int
    time: int


class Prices(NamedTuple):
    """A stored bar. ts: its first ns; volume: None where its source has none."""

    ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None


def exact(stored: Sequence[Prices], span_ns: int) -> list[Bar]:
    """The bars in the largest units in which all their prices, and all their volumes, are whole numbers."""
    price = _units(value for each in stored for value in each[1:5])
    size = _units(each.volume or Decimal() for each in stored)
    return [
        Bar(
            int(each.open * price),
            int(each.high * price),
            int(each.low * price),
            int(each.close * price),
            int((each.volume or Decimal()) * size),
            each.ts,
            each.ts + span_ns - 1,
        )
        for each in stored
    ]


def examples(
    model: str, symbol: str, found: Sequence[Bar], spec: LabelSpec, cost_bps: float
) -> list[Example]:
    """One a bar of a symbol whose label is known by the last bar. cost_bps: of a round trip."""
    rows = bars.vectors(found)
    known = _known(rows, spec)
    return [
        _example(model, symbol, found, rows, (number, later), spec, cost_bps)
        for number, later in known
    ]


def _known(rows: Sequence[bars.Row], spec: LabelSpec) -> Iterator[tuple[int, int]]:
    """Each row with the first one at or past its horizon."""
    later = 0
    for number, row in enumerate(rows):
        while later < len(rows) and rows[later].time < row.time + spec.horizon_ns:
            later += 1
        if later == len(rows):
            return
        yield number, later


def _example(
    model: str,
    symbol: str,
    found: Sequence[Bar],
    rows: Sequence[bars.Row],
    pair: tuple[int, int],
    spec: LabelSpec,
    cost_bps: float,
) -> Example:
    row, then = (rows[number] for number in pair)
    mid2, later = (2 * found[number].close for number in pair)
    pending = Pending(pair[0], row.time, mid2, None, b"")
    outcome = labels.outcome(spec, pending, then.time, later, then.time)
    return Example(
        prediction_id=f"{model}:{symbol}:{row.time}",
        symbol=symbol,
        model=model,
        lane="inline",
        spec=spec.hash,
        set_hash=bars.SET_HASH,
        state=outcome.state,
        time=row.time,
        known_at=then.time,
        elapsed_ns=then.time - row.time,
        mid2=mid2,
        ready=row.ready,
        vector=bars.VECTOR.pack(*row.values),
        features_ref=Ref(f"bars {symbol}", 0, pair[0]),
        known_ref=Ref(f"bars {symbol}", 0, pair[1]),
        y=outcome.y,
        r_bps=outcome.r_bps,
        cost_bps=cost_bps,
    )


def _units(values: Iterable[Decimal]) -> int:
    """How many of the units are one."""
    places = (-int(value.normalize().as_tuple().exponent) for value in values)
    return int(10 ** max(0, max(places, default=0)))
