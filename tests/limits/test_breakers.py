"""Breakers and pegs as tables of (state, observation, state), and as a symbol's quotes make them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from streams import topics
from streams.ids import Ref
from streams.messages import Mark, Quote, Trade
from tables import breakers, depeg, hysteresis, pace
from tables.breakers import Breakers
from tables.depeg import Peg
from tables.hysteresis import CLOSED, OPEN
from tables.marks import View
from tables.pace import Pace
from tests.limits.market import SECOND, USDT
from tests.market import drive
from tests.market.drive import MS, START, SYMBOL


class Step(NamedTuple):
    """breach and calm at a time (s), from a state to the next; the hold is 10 s."""

    state: int
    breach: bool
    calm: bool
    now: int
    after: int


@pytest.mark.parametrize(
    "step",
    [
        Step(CLOSED, False, True, 100, CLOSED),
        Step(CLOSED, False, False, 100, CLOSED),
        Step(CLOSED, True, False, 100, OPEN),
        Step(OPEN, True, False, 100, OPEN),
        Step(OPEN, False, False, 100, OPEN),
        Step(OPEN, False, True, 100, 100),
        Step(100, False, True, 109, 100),
        Step(100, False, True, 110, CLOSED),
        Step(100, False, False, 110, OPEN),
        Step(100, True, False, 105, OPEN),
    ],
)
def test_switch_opens_high_and_closes_after_calm(step: Step) -> None:
    state, breach, calm, now, after = step
    assert hysteresis.step(state, breach=breach, calm=calm, now=now, hold=10) == after


def quote(ms: int, bid: int, ask: int, flags: Any = "") -> Quote:
    time = START + ms * MS
    size = 0 if flags == "stale" else 5
    return Quote(SYMBOL, bid, ask, size, size, time, time, ms, "test", flags)


def narrow(*ms: int) -> list[Quote]:
    return [quote(each, 99_990, 100_010) for each in ms]


def wide(*ms: int) -> list[Quote]:
    return [quote(each, 99_750, 100_250) for each in ms]


def marks(*ticks: Quote | Trade, commit_every: int = 0) -> list[Mark]:
    tables = drive.Tables(drive.instrument(SYMBOL))
    outputs = []
    for offset, tick in enumerate(ticks):
        outputs += drive.ticks(tables, [tick], offset)
        if commit_every and offset % commit_every == 0:
            tables.commit()
    return drive.of(topics.MARKS, outputs)


def said(written: Iterable[Mark]) -> list[tuple[int, str]]:
    """When (ms) which breaker was open, where that changed."""
    found: list[tuple[int, str]] = []
    for mark in written:
        if (found[-1][1] if found else "") != mark.breaker:
            found.append(((mark.time - START) // MS, mark.breaker))
    return found


@pytest.mark.parametrize("commit_every", [0, 1, 3])
def test_spread_breaker_opens_with_the_fifth_wide_quote_and_waits_out_its_hold(
    commit_every: int,
) -> None:
    ticks = [*narrow(0), *wide(1, 2, 3, 4, 5), *narrow(6, 3_000, 10_005, 10_006)]
    assert said(marks(*ticks, commit_every=commit_every)) == [(5, "spread"), (10_006, "")]


def test_four_wide_quotes_and_a_narrow_one_open_nothing() -> None:
    assert said(marks(*narrow(0), *wide(1, 2, 3, 4), *narrow(5), *wide(6, 7, 8, 9))) == []


def test_spread_between_its_two_values_restarts_the_hold() -> None:
    between = [quote(9_000, 99_800, 100_200)]
    ticks = [*narrow(0), *wide(1, 2, 3, 4, 5), *narrow(6), *between, *narrow(9_500, 10_100, 19_500)]
    assert said(marks(*ticks)) == [(5, "spread"), (19_500, "")]


def test_spread_just_below_the_upper_value_opens_nothing() -> None:
    assert said(marks(*[quote(ms, 99_751, 100_249) for ms in range(10)])) == []


def test_silent_feed_opens_until_it_has_been_live_for_five_seconds() -> None:
    stale = quote(100, 0, 0, "stale")
    ticks = [*narrow(0), stale, *narrow(2_000, 6_900, 7_000)]
    assert said(marks(*ticks)) == [(100, "feed"), (7_000, "")]


def test_crossed_book_opens_until_it_has_been_valid_for_five_seconds() -> None:
    crossed = quote(50, 100_020, 100_010)
    assert said(marks(*narrow(0), crossed, *narrow(60, 5_000, 5_100))) == [
        (50, "book"),
        (5_100, ""),
    ]


def test_jump_between_mids_opens_for_a_minute_of_steady_ones() -> None:
    high = [quote(ms, 104_999, 105_001) for ms in (100, 200, 60_100, 60_200, 120_100)]
    assert said(marks(*narrow(0), *high)) == [(100, "jump"), (60_200, "volatility"), (120_100, "")]


def test_move_of_less_than_five_percent_is_volatile_but_no_jump() -> None:
    small = [quote(ms, 104_989, 104_991) for ms in (100, 60_100, 120_100)]
    assert said(marks(*narrow(0), *small)) == [(100, "volatility"), (120_100, "")]


def test_move_of_a_percent_restarts_the_hold_of_a_jump() -> None:
    high = [quote(ms, 104_999, 105_001) for ms in (100, 200)]
    again = [quote(ms, 106_099, 106_101) for ms in (30_000, 30_100, 90_000, 90_100, 150_000)]
    written = marks(*narrow(0), *high, *again)
    assert said(written) == [(100, "jump"), (90_100, "volatility"), (150_000, "")]


def test_volatile_minute_opens_until_it_has_been_quiet_for_one() -> None:
    watched, time, prices = Breakers(), START, [100_000, 101_000] * 6
    opened = [
        breakers.on_mark(watched, "live", mid2, time + i * SECOND) for i, mid2 in enumerate(prices)
    ]
    # ten returns of about 1 %: their squares sum to 3 % squared
    assert opened.index("volatility") == 10
    quiet = [breakers.on_mark(watched, "live", 101_000, time + s * SECOND) for s in range(12, 200)]
    # calm at second 70, with one return of 1 % left in the window; then 60 s of hold
    assert quiet.index("") == 130 - 12
    assert watched.total == sum(watched.squares)


def test_late_and_suspect_prices_make_no_mark() -> None:
    ticks = [*narrow(0), quote(200, 50, 60, "suspect"), quote(300, 50, 60, "late")]
    assert [(mark.bid, mark.ask) for mark in marks(*ticks)] == [(99_990, 100_010)]


def view(price: int, ms: int, status: str = "live") -> View:
    return View(2 * price, status, START + ms * MS, Ref("market.quotes", 0, 0))


def test_peg_trips_at_75_bps_and_clears_after_300_s_within_15() -> None:
    peg = Peg(USDT.symbol)
    assert depeg.tripped(peg, START) == "USDT/USD.KRAKEN: no price"
    steps = [
        (10_000, 0, ""), (10_074, 1_000, ""), (10_075, 2_000, "off"), (9_925, 3_000, "off"),
        (10_015, 4_000, "off"), (10_016, 5_000, "off"), (10_015, 6_000, "off"),
        (9_985, 305_999, "off"), (9_985, 306_000, ""),
    ]  # fmt: skip
    for price, ms, state in steps:
        peg = depeg.follow(peg, USDT, view(price, ms))
        detail = depeg.tripped(peg, START + ms * MS)
        assert detail == (f"{USDT.symbol}: off its peg" if state else ""), (price, ms)


def test_peg_that_is_not_seen_for_180_s_counts_as_tripped() -> None:
    peg = depeg.follow(Peg(USDT.symbol), USDT, view(10_000, 0))
    assert depeg.tripped(peg, START + 180 * SECOND) == ""
    assert depeg.tripped(peg, START + 180 * SECOND + 1) == f"{USDT.symbol}: no price for 180 s"
    crossed = depeg.follow(peg, USDT, view(5_000, 1_000, "crossed"))
    assert crossed == peg


@pytest.mark.parametrize(
    ("commands", "rejects", "open_at"),
    [(20, [0, 1, 2, 3, 4], 4), (19, [0, 1, 2, 3, 4], None), (20, [0, 1, 2, 3], None),
     (20, [0, 1, 2, 3, 121], None), (20, [0, 1, 2, 3, 120], 120)],
)  # fmt: skip
def test_rejects_open_the_breaker_of_an_account_for_a_minute(
    commands: int, rejects: list[int], open_at: int | None
) -> None:
    row = Pace()
    for _ in range(commands):
        row = pace.command(row, START)
    for second in rejects:
        row = pace.reject(row, START + second * SECOND)
    assert row.broken == (0 if open_at is None else START + (open_at + 60) * SECOND)


def test_commands_are_counted_for_two_minutes() -> None:
    row = Pace()
    for second in range(0, 400, 4):
        row = pace.command(row, START + second * SECOND)
    assert len(row.commands) == 12
    assert sum(count for _, count in row.commands) == 30


@pytest.mark.parametrize(
    ("times", "taken"),
    [([0, 0, 0], 2), ([0, 0, 500, 500], 3), ([0, 0, 10_000, 10_000, 10_000], 4), ([1_000, 1_000, 0], 2),
     ([1_000, 0, 1_000], 2)],
)  # fmt: skip
def test_bucket_of_two_fills_with_two_a_second(times: list[int], taken: int) -> None:
    row, passed = Pace(), 0
    for ms in times:
        after = pace.take(row, START + ms * MS, rate=2, burst=2)
        if after is not None:
            row, passed = after, passed + 1
    assert passed == taken
