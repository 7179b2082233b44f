"""The slow twin of `models.micro`: keeps every event and recounts each window from the start."""

import math
from dataclasses import dataclass, field

from models.features import NAMES
from models.micro import LATE_NS, SLOT_NS

SPAN = {1: SLOT_NS, 5: 5 * SLOT_NS, 60: 60 * SLOT_NS}


@dataclass
class Recount:
    """Events as applied: quotes (time, book or None), flows and trades by time."""

    clock: int = 0
    quotes: list[tuple[int, tuple[int, int, int, int] | None]] = field(default_factory=list)
    flows: list[tuple[int, int]] = field(default_factory=list)
    trades: list[tuple[int, int, str]] = field(default_factory=list)

    def admit(self, time: int) -> bool:
        """Move the clock; False for an event that is too late."""
        if time < self.clock - LATE_NS:
            return False
        self.clock = max(self.clock, time)
        return True

    def quote(self, book: tuple[int, int, int, int] | None) -> None:
        before = self.quotes[-1][1] if self.quotes else None
        if before and book:
            self.flows.append((self.clock, flow(before, book)))
        self.quotes.append((self.clock, book))

    def trade(self, price: int, size: int, side: str) -> None:
        self.trades.append((self.clock, size, side))

    def since(self, seconds: int) -> int:
        """The start of the window: of the oldest of 20 spans, the open one included."""
        span = SPAN[seconds]
        return (self.clock // span - 19) * span

    def flow_1s(self) -> int:
        return sum(flow for time, flow in self.flows if time >= self.since(1))

    def lots_5s(self, side: str) -> int:
        return sum(s for time, s, of in self.trades if time >= self.since(5) and of == side)

    def trades_5s(self) -> int:
        return sum(time >= self.since(5) for time, _, _ in self.trades)

    def mid2_at(self, start: int) -> int:
        """The mid in force when a span began."""
        mids = [b[0] + b[1] for time, b in self.quotes if time < start and b]
        return mids[-1] if mids else 0

    def depths_60s(self) -> list[int]:
        """The depth at the end of each closed slot of the window that saw a quote and ended with a book."""
        ends = {time // SLOT_NS: book for time, book in self.quotes}
        ends.pop(self.clock // SLOT_NS, None)
        first = self.since(60) // SLOT_NS
        return [book[2] + book[3] for slot, book in ends.items() if slot >= first and book]

    def vector(self) -> dict[str, float]:
        """The features in plain floats, all of them, ready or not."""
        book = self.quotes[-1][1]
        assert book
        bid, ask, bid_size, ask_size = book
        mid, depth = (bid + ask) / 2, bid_size + ask_size
        weighted = (ask * bid_size + bid * ask_size) / depth
        depths = self.depths_60s() or [depth]
        buy, sell = self.lots_5s("buy"), self.lots_5s("sell")
        returns = [
            1e4 * math.log(2 * mid / (self.mid2_at(self.since(s)) or 2 * mid)) for s in (1, 5)
        ]
        values = (
            1e4 * (ask - bid) / mid,
            (bid_size - ask_size) / depth,
            1e4 * (weighted - mid) / mid,
            self.flow_1s() / (sum(depths) / len(depths) / 2),
            *returns,
            (buy - sell) / (buy + sell) if buy + sell else 0.0,
            math.log(1 + self.trades_5s() / 5),
        )
        return dict(zip(NAMES, values, strict=True))


def flow(before: tuple[int, int, int, int], now: tuple[int, int, int, int]) -> int:
    """e of Cont, Kukanov and Stoikov, as written."""
    bid0, ask0, bid_size0, ask_size0 = before
    bid, ask, bid_size, ask_size = now
    return (
        (bid >= bid0) * bid_size
        - (bid <= bid0) * bid_size0
        - (ask <= ask0) * ask_size
        + (ask >= ask0) * ask_size0
    )
