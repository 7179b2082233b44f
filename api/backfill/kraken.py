"""Kraken's public REST API: the newest bars as it tells them, older ones built from all trades."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from api.backfill.client import Again, Client, Failed, Page
from api.backfill.fetched import Fetched, Unfit, add, decimal, items, merged
from api.backfill.order import Chunk, Order, told_since
from streams.bars import Candle, Traded, built
from streams.instants import SECOND

BASE_URL = "https://api.kraken.com"
RATE = 1.0
"""Requests a second that the public API bears without an account."""

OHLC, TRADES = "/0/public/OHLC", "/0/public/Trades"
PAGE_TRADES = "1000"
PAGES_MAX = 20_000
SPELLING = {"BTC": "XBT", "DOGE": "XDG"}
TRANSIENT = ("EAPI:Rate limit", "EGeneral:Too many requests", "EService:", "EGeneral:Temporary")


def refused(tree: Any) -> None:
    """Raises Again for a limit or a service that is down, Failed for any other error; both come in a 200."""
    errors = tree.get("error") if isinstance(tree, dict) else None
    if not isinstance(errors, list):
        raise Again("shape", f"{tree!r:.80}")
    if errors:
        transient = all(str(error).startswith(TRANSIENT) for error in errors)
        raise (Again("api", str(errors)) if transient else Failed(f"Kraken refuses: {errors}"))


@dataclass(frozen=True)
class Kraken:
    """Fetches chunks of an order."""

    order: Order
    client: Client

    async def fetch(self, chunk: Chunk, after_trade: int | None) -> Fetched:
        """The bars of a chunk. after_trade: the last trade of the chunk before, if known.

        Raises Unfit, Failed, MustWait.
        """
        now = int(self.client.world.now() * SECOND)
        if chunk.since >= told_since(self.order.span, now):
            return await self._told(chunk)
        return await self._built(chunk, after_trade)

    async def _told(self, chunk: Chunk) -> Fetched:
        minutes = str(self.order.span // (60 * SECOND))
        since = str(chunk.since // SECOND - 1)
        parameters = {"pair": self._pair, "interval": minutes, "since": since}
        page = await self.client.page(OHLC, parameters)
        rows, _ = _result(page)
        told = [self._bar(row) for row in items(rows, 7)]
        newest = max((bar.ts for bar in told), default=0)  # has not closed and changes yet
        bars = merged((bar for bar in told if bar.ts != newest), lambda bar: bar.ts)
        inside = sorted(ts for ts in bars if chunk.since <= ts < chunk.until)
        return Fetched(tuple(bars[ts] for ts in inside), pages=(page.sha256,))

    async def _built(self, chunk: Chunk, after_trade: int | None) -> Fetched:
        walk = _Walk(self.client, self._pair, chunk, after_trade)
        await walk.all()
        trades = [trade for trade in walk.in_order() if chunk.since <= trade.time < chunk.until]
        order = self.order
        return Fetched(
            tuple(built(trades, order.symbol, order.interval, order.source)),
            pages=tuple(walk.pages),
            first_trade=trades[0].number if trades else None,
            last_trade=trades[-1].number if trades else after_trade,
        )

    @property
    def _pair(self) -> str:
        names = (self.order.base, self.order.quote)
        return "".join(SPELLING.get(name, name) for name in names)

    def _bar(self, row: list[Any]) -> Candle:
        """Of [time, open, high, low, close, vwap, volume, count]."""
        order = self.order
        first, high, low, close = (decimal(value) for value in row[1:5])
        return Candle(
            symbol=order.symbol,
            interval=order.interval,
            ts=_nanoseconds(row[0]),
            open=first,
            high=high,
            low=low,
            close=close,
            volume=decimal(row[6]),
            source=order.source,
        )


class _Walk:
    """The pages of trades of one chunk, until one is past its end."""

    def __init__(self, client: Client, pair: str, chunk: Chunk, after_trade: int | None) -> None:
        self.pages: list[str] = []
        self._client = client
        self._pair = pair
        self._chunk = chunk
        self._after = after_trade
        self._trades: dict[int, Traded] = {}
        self._newest = 0

    async def all(self) -> None:
        """Read them. Raises Unfit where trades are missing even when asked for again."""
        cursor = str(self._chunk.since - 1)
        for _ in range(PAGES_MAX):
            following = await self._turn(cursor)
            if following == cursor or not self._is_whole():
                following = await self._turn(cursor)
            if not self._is_whole():
                raise Unfit("contiguous trades", self._hole(), self.in_order())
            if following == cursor or self._newest >= self._chunk.until:
                return
            cursor = following
        raise Unfit("pages", f"more than {PAGES_MAX} of one chunk")

    def in_order(self) -> list[Traded]:
        """The trades that were read."""
        return [self._trades[number] for number in sorted(self._trades)]

    async def _turn(self, cursor: str) -> str:
        """Read the page at the cursor; the next cursor."""
        parameters = {"pair": self._pair, "since": cursor, "count": PAGE_TRADES}
        page = await self._client.page(TRADES, parameters)
        rows, last = _result(page)
        self.pages.append(page.sha256)
        read = [_trade(row) for row in items(rows, 7)]
        for trade in read:
            if self._after is None or trade.number > self._after:
                add(self._trades, trade.number, trade)
                self._newest = max(self._newest, trade.time)
        return last if read else cursor

    def _is_whole(self) -> bool:
        """Whether numbers follow each other, from the last one before the chunk on where it is known."""
        if not self._trades:
            return True
        first = min(self._trades) if self._after is None else self._after + 1
        return max(self._trades) - first + 1 == len(self._trades)

    def _hole(self) -> str:
        numbers = sorted({*self._trades, *([] if self._after is None else [self._after])})
        before, after = next((a, b) for a, b in pairwise(numbers) if b != a + 1)
        return f"none between {before} and {after}"


def _result(page: Page) -> tuple[Any, str]:
    """The rows, under whatever spelling of the pair they come, and the cursor. Raises Unfit."""
    result = page.body.get("result")
    keys = [key for key in result if key != "last"] if isinstance(result, dict) else []
    if len(keys) != 1 or not isinstance(result.get("last"), str | int):
        raise Unfit("shape", f"result has {keys} and last")
    return result[keys[0]], str(result["last"])


def _trade(row: list[Any]) -> Traded:
    """Of [price, volume, time, side, type, miscellaneous, number]."""
    price, size = decimal(row[0]), decimal(row[1])
    if price is None or size is None or price <= 0 or size < 0 or not isinstance(row[6], int):
        raise Unfit("shape", f"{row!r:.120} is no trade", [row])
    return Traded(row[6], _nanoseconds(row[2]), price, size)


def _nanoseconds(seconds: object) -> int:
    read = decimal(seconds)
    if read is None:
        raise Unfit("shape", "a row without time")
    return int(read * SECOND)
