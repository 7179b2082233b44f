"""The slow twin of `models.micro`: keeps every event and recounts each window from the start."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from models.features import FEATURES
from models.micro import LATE_NS, SLOT_NS

SECOND = 1_000_000_000
SPAN = {1: SLOT_NS, 5: 5 * SLOT_NS, 60: 60 * SLOT_NS, 300: 300 * SLOT_NS}


class Book(NamedTuple):
    bid: int
    ask: int
    bid_size: int
    ask_size: int


class Done(NamedTuple):
    """A trade as applied. sign: 1 bought, -1 sold."""

    time: int
    price: int
    size: int
    sign: int


@dataclass
class Recount:
    """Events as applied: quotes (time, book or None), flows and trades by time. bucket: lots, 0 = no VPIN."""

    bucket: int = 0
    clock: int = 0
    quotes: list[tuple[int, Book | None]] = field(default_factory=list)
    flows: list[tuple[int, int]] = field(default_factory=list)
    trades: list[Done] = field(default_factory=list)

    def admit(self, time: int) -> bool:
        """Move the clock; False for an event that is too late."""
        if time < self.clock - LATE_NS:
            return False
        self.clock = max(self.clock, time)
        return True

    def quote(self, book: Book | None) -> None:
        before = self.quotes[-1][1] if self.quotes else None
        if before and book:
            self.flows.append((self.clock, flow(before, book)))
        self.quotes.append((self.clock, book))

    def trade(self, price: int, size: int, side: str) -> None:
        self.trades.append(Done(self.clock, price, size, 1 if side == "buy" else -1))

    def since(self, seconds: int) -> int:
        """The start of the window: of the oldest of 20 spans, the open one included."""
        span = SPAN[seconds]
        return (self.clock // span - 19) * span

    def flow(self, seconds: int) -> int:
        return sum(flow for time, flow in self.flows if time >= self.since(seconds))

    def done(self, seconds: int) -> list[Done]:
        return [trade for trade in self.trades if trade.time >= self.since(seconds)]

    def lots(self, seconds: int, sign: int) -> int:
        return sum(trade.size for trade in self.done(seconds) if trade.sign == sign)

    def mid2_at(self, start: int) -> int:
        """The mid in force when a span began."""
        mids = [b.bid + b.ask for time, b in self.quotes if time < start and b]
        return mids[-1] if mids else 0

    def depths(self) -> list[int]:
        """The depth at the end of each closed slot of the minute that saw a quote and ended with a book."""
        ends = {time // SLOT_NS: book for time, book in self.quotes}
        ends.pop(self.clock // SLOT_NS, None)
        first = self.since(60) // SLOT_NS
        return [b.bid_size + b.ask_size for slot, b in ends.items() if slot >= first and b]

    def squares(self, seconds: int) -> int:
        """Of the returns between whole seconds, of the seconds that the window holds."""
        first = max(self.since(seconds), self.quotes[0][0] // SECOND * SECOND) // SECOND
        mids = [self.mid2_at(second * SECOND) for second in range(first, self.clock // SECOND + 1)]
        return sum(
            round(1e9 * math.log(after / before)) ** 2
            for before, after in zip(mids, mids[1:], strict=False)
            if before
        )

    def imbalances(self) -> list[int]:
        """Of all full buckets, lot by lot."""
        signs = [trade.sign for trade in self.trades for _ in range(trade.size)]
        full = len(signs) // self.bucket if self.bucket else 0
        return [abs(sum(signs[n * self.bucket : (n + 1) * self.bucket])) for n in range(full)]

    def vector(self) -> dict[str, float]:
        """The features in plain floats, all of them, ready or not."""
        book = self.quotes[-1][1]
        assert book
        bid, ask, bid_size, ask_size = book
        mid, depth = (bid + ask) / 2, bid_size + ask_size
        weighted = (ask * bid_size + bid * ask_size) / depth
        depths = self.depths() or [depth]
        half = sum(depths) / len(depths) / 2
        minute = self.done(60)
        lots = sum(trade.size for trade in minute)
        paid = sum(trade.price * trade.size for trade in minute)
        few, many = len(self.done(5)), len(self.done(300))
        buckets = self.imbalances()[-50:]
        day = 2 * math.pi * (self.clock / 1e9 % 86_400) / 86_400
        values = {
            "spread_bps": 1e4 * (ask - bid) / mid,
            "queue_imb": (bid_size - ask_size) / depth,
            "micro_dev": 1e4 * (weighted - mid) / mid,
            "depth_ratio": math.log(depth / 2 / half),
            "rv_60s": 1e4 * math.sqrt(self.squares(60)) / 1e9,
            "rv_300s": 1e4 * math.sqrt(self.squares(300)) / 1e9,
            "intensity_5s": math.log(1 + few / 5),
            "burst": math.log((1 + few / 5) / (1 + many / 300)),
            "vpin": sum(buckets) / 50 / self.bucket if self.bucket else 0.0,
            "vwap_dev_60s": 1e4 * (mid - paid / lots) / mid if lots else 0.0,
            "tod_sin": math.sin(day),
            "tod_cos": math.cos(day),
        }
        for seconds in (1, 5, 60):
            before = self.mid2_at(self.since(seconds)) or 2 * mid
            values[f"ofi_{seconds}s"] = self.flow(seconds) / half
            values[f"ret_{seconds}s"] = 1e4 * math.log(2 * mid / before)
        for seconds in (5, 60):
            buy, sell = self.lots(seconds, 1), self.lots(seconds, -1)
            values[f"trade_imb_{seconds}s"] = (buy - sell) / (buy + sell) if buy + sell else 0.0
        return {feature.name: values[feature.name] for feature in FEATURES}


def flow(before: Book, now: Book) -> int:
    """e of Cont, Kukanov and Stoikov, as written."""
    return (
        (now.bid >= before.bid) * now.bid_size
        - (now.bid <= before.bid) * before.bid_size
        - (now.ask <= before.ask) * now.ask_size
        + (now.ask >= before.ask) * before.ask_size
    )
