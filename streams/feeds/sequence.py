"""Reads a venue's own numbering: what is new, what came twice, what is missing."""

from dataclasses import dataclass, field

from streams.feeds.status import FeedStatus


@dataclass
class TradeNumbers:
    """The last trade id of each symbol, for venues that number a symbol's trades without holes."""

    status: FeedStatus
    last: dict[str, int] = field(default_factory=dict)

    def is_new(self, symbol: str, trade_id: int) -> bool:
        """Whether this trade was not seen before; counts duplicates and gaps."""
        last = self.last.get(symbol)
        if last is not None and trade_id <= last:
            self.status.duplicates += 1
            return False
        if last is not None and trade_id > last + 1:
            self.status.gaps += 1
            self.status.missing += trade_id - last - 1
        self.last[symbol] = trade_id
        return True

    def start_at(self, symbol: str, trade_id: int) -> None:
        """Takes history as seen without counting it."""
        self.last[symbol] = max(trade_id, self.last.get(symbol, trade_id))
