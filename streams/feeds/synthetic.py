"""A seeded market of several symbols: the feed where no venue can be reached, and for runs that must repeat."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from random import Random

from streams.feeds import reference
from streams.feeds.pacing import Pacer, Sleep
from streams.feeds.simulated_book import CLEAR, DEAF, Rules, SimulatedBook
from streams.feeds.source import MILLISECOND_NS, SECOND_NS, Batch, Clock
from streams.feeds.status import FeedStatus
from streams.instruments import Instrument
from streams.messages import Quote, Trade

SLOT_NS = 10 * MILLISECOND_NS
SLOTS_PER_SECOND = SECOND_NS // SLOT_NS
ROUNDS_START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS
"""Event time of the first round in ns."""

QUOTES_PER_SECOND = 445.0
TRADES_PER_SECOND = 44.0
"""Of all symbols in calm; each trade writes a quote too. With the bursts: 516 quotes and 62 trades in the mean."""

BURST_QUOTES, BURST_TRADES = 2.0, 40.0
"""Factors at the height of a burst: about 2,440 quotes and 1,600 trades in a second."""

BURST_CHANCE = 1.0 / (65 * SLOTS_PER_SECOND)
"""That a burst starts in a slot: one in 65 s in the mean."""

BURST_SLOTS_MIN, BURST_SLOTS_MAX = 30, 130
LEADER_SHARE = 0.6
"""Of a burst's events, those of the symbol that leads it."""

FIRST_PRICES = {
    "BTC": 60_000,
    "ETH": 30_000,
    "SOL": 15_000,
    "XRP": 60_000,
    "LTC": 9_000,
    "DOGE": 12_000,
}
"""In ticks."""

DEFAULT_FIRST_PRICE = 10_000


@dataclass
class Burst:
    """A rush of one symbol. height: 0 in calm, at most 1; push: its direction."""

    slots: int = 0
    height: float = 0.0
    push: float = 0.0
    leader: int = 0


@dataclass(frozen=True)
class Drift:
    """A market whose rules change once: DEAF for `first_s` of event time, CLEAR from then on.

    rate: of the usual number of events.
    """

    first_s: float
    rate: float = 1.0

    def rules(self, slot: int) -> Rules:
        """The rules in that slot."""
        return DEAF if slot < self.first_s * SLOTS_PER_SECOND else CLEAR


class SyntheticMarket:
    """A pure function of the seed: the same seed makes the same events, bit for bit.

    Event time starts at `start` ns; receive time = event time, as the venue is in this process.
    """

    def __init__(
        self,
        seed: int,
        start: int,
        instruments: tuple[Instrument, ...],
        drift: Drift | None = None,
    ) -> None:
        self._draw = Random(seed)
        self._start = start
        self._source = f"synthetic:{seed}"
        self._symbols = [instrument.symbol for instrument in instruments]
        self._books = [self._book(instrument) for instrument in instruments]
        numbered = start // MILLISECOND_NS  # a later start never repeats a number of an earlier one
        self._quoted = [numbered] * len(instruments)
        self._traded = [numbered] * len(instruments)
        self._burst = Burst()
        self._drift = drift
        self._rate = drift.rate if drift is not None else 1.0
        self._slot = 0

    def slots(self) -> Iterator[Batch]:
        """The events of each 10 ms of event time, without end; an empty slot is an empty list."""
        yield [self._quote(index, self._start) for index in range(len(self._books))]
        while True:
            self._slot += 1
            self._turn_burst()
            self._set_rules()
            yield self._events()

    def _book(self, instrument: Instrument) -> SimulatedBook:
        bid = FIRST_PRICES.get(instrument.base, DEFAULT_FIRST_PRICE)
        return SimulatedBook(draw=self._draw, anchor=bid, bid=bid, ask=bid + 1)

    def _turn_burst(self) -> None:
        burst = self._burst
        if burst.slots:
            burst.slots -= 1
            if not burst.slots:
                self._burst = Burst()
        elif self._draw.random() < BURST_CHANCE:
            self._burst = Burst(
                slots=self._draw.randrange(BURST_SLOTS_MIN, BURST_SLOTS_MAX),
                height=0.6 + 0.4 * self._draw.random(),
                push=1.0 if self._draw.random() < 0.5 else -1.0,
                leader=self._draw.randrange(len(self._books)),
            )

    def _set_rules(self) -> None:
        if self._drift is not None:
            rules = self._drift.rules(self._slot)
            for book in self._books:
                book.rules = rules

    def _events(self) -> Batch:
        height = self._burst.height
        quotes = self._count(QUOTES_PER_SECOND * (1.0 + (BURST_QUOTES - 1.0) * height))
        trades = self._count(TRADES_PER_SECOND * (1.0 + (BURST_TRADES - 1.0) * height))
        kinds = sorted(
            (self._draw.randrange(SLOT_NS), place < trades) for place in range(trades + quotes)
        )
        slot = self._start + self._slot * SLOT_NS
        events: Batch = []
        for offset, is_trade in kinds:
            index = self._symbol()
            if is_trade:
                events.append(self._trade(index, slot + offset))
            else:
                self._books[index].quote(self._push(index))
            events.append(self._quote(index, slot + offset))
        return events

    def _count(self, per_second: float) -> int:
        """How many events a slot has: scattered, with the right mean, without logarithms."""
        mean = self._rate * per_second / SLOTS_PER_SECOND * 2.0 * self._draw.random()
        whole = int(mean)
        return whole + (self._draw.random() < mean - whole)

    def _symbol(self) -> int:
        if self._burst.slots and self._draw.random() < LEADER_SHARE:
            return self._burst.leader
        return self._draw.randrange(len(self._books))

    def _push(self, index: int) -> float:
        return self._burst.push * self._burst.height if index == self._burst.leader else 0.0

    def _trade(self, index: int, at: int) -> Trade:
        side, price, size = self._books[index].trade()
        self._traded[index] += 1
        return Trade(
            symbol=self._symbols[index],
            price=price,
            size=size,
            time=at,
            received=at,
            trade_id=self._traded[index],
            source=self._source,
            side=side,
        )

    def _quote(self, index: int, at: int) -> Quote:
        book = self._books[index]
        self._quoted[index] += 1
        return Quote(
            symbol=self._symbols[index],
            bid=book.bid,
            ask=book.ask,
            bid_size=book.bid_size,
            ask_size=book.ask_size,
            time=at,
            received=at,
            sequence=self._quoted[index],
            source=self._source,
        )


def rounds(
    seed: int,
    step_ms: int,
    *,
    start: int = ROUNDS_START,
    instruments: tuple[Instrument, ...] = reference.SIMULATED,
) -> Iterator[Batch]:
    """The events of each `step_ms` of event time from a fixed start, without end. step_ms: a multiple of 10."""
    step, rest = divmod(step_ms * MILLISECOND_NS, SLOT_NS)
    if rest or step < 1:
        raise ValueError(f"a round of {step_ms} ms is not a whole number of 10 ms slots")
    slots = SyntheticMarket(seed, start, instruments).slots()
    while True:
        yield [event for slot in islice(slots, step) for event in slot]


class SyntheticSource:
    """The synthetic market under the wall clock: times are the start of the feed plus the market's own time.

    speed: factor of real time; at more than 1 event times run ahead of the wall clock. warmup_s: so many seconds of
    event time up to now come at once, so that windows are filled and models have labels before the first live tick.
    drift: of the market's rules.
    """

    def __init__(
        self,
        seed: int,
        *,
        instruments: tuple[Instrument, ...] = reference.SIMULATED,
        speed: float = 1.0,
        warmup_s: float = 0.0,
        drift: Drift | None = None,
        wall: Clock = time.time_ns,
        monotonic: Clock = time.monotonic_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = f"synthetic:{seed}"
        self.instruments = instruments
        self.status = FeedStatus(self.name, choice=self.name)
        self.oldest_time: int | None = None
        self._seed = seed
        self._wall = wall
        self._pacer = Pacer(speed, monotonic, sleep)
        self._warmup = int(warmup_s * SECOND_NS)
        self._drift = drift

    async def events(self) -> AsyncGenerator[Batch, None]:
        """One batch a slot of 10 ms, without end."""
        self.status.connected = True
        start = self._wall() - self._warmup
        market = SyntheticMarket(self._seed, start, self.instruments, self._drift)
        for index, batch in enumerate(market.slots()):
            await self._pacer.until(index * SLOT_NS - self._warmup)
            if batch:
                self._note(batch)
                yield batch

    def _note(self, batch: Batch) -> None:
        trades = sum(type(event) is Trade for event in batch)
        self.status.counts["trades"] += trades
        self.status.counts["quotes"] += len(batch) - trades
        self.status.saw(batch[-1].time, batch[-1].received)
