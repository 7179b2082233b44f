"""Random streams of ticks, applied to the accumulators and to their slow twin side by side."""

import copy
import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from models import micro, vpin
from models.micro import Micro
from tests.models.recount import SECOND, Book, Recount

MS = 1_000_000
START = 1_700_000_000 * SECOND


Kind = Literal["quote", "empty", "trade"]
Side = Literal["buy", "sell"]


class Tick(NamedTuple):
    """One random event. step_ms: event time after the one before; negative = disorder."""

    step_ms: int
    kind: Kind
    price: int
    spread: int
    sizes: tuple[int, int]
    side: Side


steps = st.one_of(
    st.integers(0, 60),
    st.integers(-1500, 300),
    st.sampled_from([50, 250, 1000, 3000, 6000, 20_000, 70_000, 400_000]),
)
ticks = st.builds(
    Tick,
    step_ms=steps,
    kind=st.sampled_from(["quote", "quote", "quote", "trade", "trade", "empty"]),
    price=st.integers(9_990, 10_010),
    spread=st.integers(0, 4),
    sizes=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    side=st.sampled_from(["buy", "sell"]),
)
streams = st.lists(ticks, min_size=1, max_size=120)


def long_stream(seed: int) -> list[Tick]:
    """Some hundred ticks, most of them close together, longer than what hypothesis likes to draw."""
    draw = random.Random(seed)
    kinds: tuple[Kind, ...] = ("quote", "quote", "quote", "trade", "trade", "empty")
    sides: tuple[Side, ...] = ("buy", "sell")
    steps_ms = [*range(0, 60, 3)] * 4 + [-1500, -700, -10, 250, 1000, 3000, 20_000, 70_000, 400_000]
    return [
        Tick(
            draw.choice(steps_ms),
            draw.choice(kinds),
            draw.randrange(9_990, 10_011),
            draw.randrange(5),
            (draw.randrange(1, 51), draw.randrange(1, 51)),
            draw.choice(sides),
        )
        for _ in range(draw.randrange(200, 400))
    ]


BUCKET = 9
"""Lots, so that a few dozen trades fill fifty buckets."""


def apply(sums: Micro, naive: Recount, time: int, tick: Tick) -> None:
    admitted = micro.admit(sums, time)
    assert bool(admitted) == naive.admit(time)
    if not admitted:
        return
    assert admitted == naive.clock
    if tick.kind == "quote":
        book = Book(tick.price, tick.price + tick.spread, *tick.sizes)
        micro.on_quote(sums, admitted, *book)
        naive.quote(book)
    elif tick.kind == "empty":
        micro.on_no_book(sums, admitted)
        naive.quote(None)
    else:
        micro.on_trade(sums, admitted, tick.price, tick.sizes[0], tick.side)
        naive.trade(tick.price, tick.sizes[0], tick.side)


def walked(stream: list[Tick]) -> Iterator[tuple[Micro, Recount]]:
    """Both after each event; the fast one goes on as a copy now and then."""
    sums, naive, time = Micro(), Recount(BUCKET), START
    vpin.adopt(sums.vpin, BUCKET)
    for number, tick in enumerate(stream):
        time += tick.step_ms * MS
        if number % 7 == 3:
            sums = copy.copy(sums)
        apply(sums, naive, time, tick)
        yield sums, naive


def quoted(*books: tuple[int, int, int, int, int]) -> Micro:
    """The state after quotes (milliseconds after the start, bid, ask, sizes)."""
    sums = Micro()
    for at, bid, ask, bid_size, ask_size in books:
        micro.on_quote(sums, START + at * MS, bid, ask, bid_size, ask_size)
    return sums
