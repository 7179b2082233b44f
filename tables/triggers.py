"""When a stop goes off and how a trailing one follows the market; prices in ticks, of a quote or of a trade.

Sells watch the bid and buys the ask, or the last trade, or the mid. A trailing stop only tightens.
"""

from streams.messages import Quote, Side, Trigger

BPS = 10_000


def by_quote(trigger: Trigger, side: Side, stop_price: int, quote: Quote) -> bool:
    """Whether a quote sets off a stop; a side that is absent or has no size never does, nor does a stop by trade."""
    bid, ask = quote.bid if quote.bid_size else 0, quote.ask if quote.ask_size else 0
    if trigger == "mark":
        twice = 2 * stop_price
        return bid > 0 < ask and (bid + ask <= twice if side == "sell" else bid + ask >= twice)
    if trigger == "trade":
        return False
    return 0 < bid <= stop_price if side == "sell" else ask > 0 and ask >= stop_price


def by_trade(side: Side, stop_price: int, price: int) -> bool:
    """Whether a trade sets off a stop that watches trades."""
    return price <= stop_price if side == "sell" else price >= stop_price


def watched(trigger: Trigger, side: Side, quote: Quote) -> int:
    """The price of a quote that a trailing stop follows, 0 = none; a mid is rounded away from the stop's market.

    A stop by trade starts from the quote, so that it stands from the beginning; from then on it follows trades.
    """
    bid, ask = quote.bid if quote.bid_size else 0, quote.ask if quote.ask_size else 0
    if trigger == "mark":
        if not (bid and ask):
            return 0
        return (bid + ask) // 2 if side == "sell" else (bid + ask + 1) // 2
    return bid if side == "sell" else ask


def trail_ticks(ticks: int, bps: int, price: int) -> int:
    """The distance of a trailing stop, from basis points of the price at activation rounded up."""
    return ticks or -(-price * bps // BPS)


def trailing(side: Side, best: int, ticks: int) -> int:
    """The stop that follows `best` at a distance; never below one tick."""
    return max(1, best - ticks) if side == "sell" else best + ticks
