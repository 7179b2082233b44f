"""CoinGecko's market chart: hourly points, which are no bars, and the days that are made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from api.backfill.client import Again, Client, Failed
from api.backfill.fetched import Fetched, Reference, Unfit, decimal, items, merged
from api.backfill.order import Chunk, Order
from streams.bars import Candle
from streams.instants import SECOND

BASE_URL = "https://api.coingecko.com"
RATE = 0.2
"""Requests a second; keyless callers get 5 to 15 a minute."""

COINS = {
    "ADA": "cardano",
    "BTC": "bitcoin",
    "DOGE": "dogecoin",
    "ETH": "ethereum",
    "LTC": "litecoin",
    "SOL": "solana",
    "XRP": "ripple",
}
TRANSIENT = range(500, 600)
POINTS_MIN = 24
"""Points that an interval must span to have an open, a high, a low and a close worth the names."""

HELD_SHARE_MIN = 0.8
"""Of those points, that must be there; a bar of fewer is a gap."""

MS = 10**6


def refused(tree: Any) -> None:
    """Raises Again or Failed for an error that comes in a 200."""
    if not isinstance(tree, dict):
        raise Again("shape", f"{tree!r:.80}")
    status = tree.get("status")
    code = status.get("error_code") if isinstance(status, dict) else None
    if code is None and "error" not in tree:
        return
    told = str(status or tree["error"])
    raise (Again("api", told) if code == 429 or code in TRANSIENT else Failed(told))


@dataclass(frozen=True)
class CoinGecko:
    """Fetches chunks of an order. coin: CoinGecko's name of what is priced."""

    order: Order
    client: Client
    coin: str

    async def fetch(self, chunk: Chunk, after_trade: int | None) -> Fetched:
        """The points of a chunk and the bars they make. Raises Unfit, Failed, MustWait."""
        path = f"/api/v3/coins/{self.coin}/market_chart/range"
        parameters = {
            "vs_currency": self.order.quote.lower(),
            "from": str(chunk.since // SECOND),
            "to": str(chunk.until // SECOND),
            "precision": "full",
        }
        page = await self.client.page(path, parameters)
        points = self._points(page.body, chunk)
        return Fetched(tuple(bars(points, self.order)), points, (page.sha256,), None, after_trade)

    def _points(self, tree: dict[str, Any], chunk: Chunk) -> tuple[Reference, ...]:
        """Prices with the market cap and rolling volume of the same moment, in order."""
        prices = _series(tree, "prices")
        caps, volumes = _series(tree, "market_caps"), _series(tree, "total_volumes")
        inside = sorted(time for time in prices if chunk.since <= time < chunk.until)
        order = self.order
        return tuple(
            Reference(order.symbol, at, order.source, prices[at], caps.get(at), volumes.get(at))
            for at in inside
        )


def bars(points: Sequence[Reference], order: Order) -> list[Candle]:
    """Bars of points, where these lie close enough; volume is not known. Raises Unfit where they do not."""
    step = spacing(points)
    spanned = round(order.span / step) if step else 0
    if spanned < POINTS_MIN:
        raise Unfit("spacing", f"a point each {step / SECOND:.0f} s, {spanned} a bar", points)
    days = groupby(points, lambda point: point.time // order.span * order.span)
    held = [(start, [point.price for point in inside]) for start, inside in days]
    return [
        _bar(start, prices, order)
        for start, prices in held
        if len(prices) >= spanned * HELD_SHARE_MIN
    ]


def spacing(points: Sequence[Reference]) -> float:
    """The usual ns from a point to the next, as measured; 0 for fewer than two."""
    steps = [after.time - before.time for before, after in pairwise(points)]
    return median(steps) if steps else 0.0


def _bar(start: int, prices: list[Decimal | None], order: Order) -> Candle:
    """A bar of the points inside it; of none, where one of them has no price."""
    there = [price for price in prices if price is not None]
    whole = len(there) == len(prices)
    return Candle(
        symbol=order.symbol,
        interval=order.interval,
        ts=start,
        open=prices[0] if whole else None,
        high=max(there) if whole else None,
        low=min(there) if whole else None,
        close=prices[-1] if whole else None,
        volume=None,
        source=order.source,
    )


def _series(tree: dict[str, Any], name: str) -> dict[int, Decimal | None]:
    """Values by time in ns. Raises Unfit where one time has two."""
    rows = [(row[0], decimal(row[1])) for row in items(tree.get(name), 2)]
    if not all(isinstance(at, int) for at, _ in rows):
        raise Unfit("shape", f"{name} have times that are no whole ms")
    return {at * MS: value for at, value in merged(rows, lambda row: row[0]).values()}
