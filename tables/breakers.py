"""The circuit breakers of a symbol: observed by `market`, carried on its marks, obeyed by `risk`."""

from dataclasses import dataclass, field

from tables import hysteresis

SECOND_NS = 1_000_000_000
WIDE_BPS, NARROW_BPS, WIDE_QUOTES, SPREAD_HOLD_NS = 50, 25, 5, 10 * SECOND_NS
SUSPECT_FACTOR = 500
"""ask - bid >= (bid + ask) // this, 40 bps of the mid: a spread that has to be looked at quote by quote."""

PPM = 1_000_000
WINDOW_S = 60
VOLATILE_PPM, QUIET_PPM, VOLATILITY_HOLD_NS = 30_000, 10_000, 60 * SECOND_NS
JUMP_PPM, STEADY_PPM, JUMP_HOLD_NS = 50_000, 10_000, 60 * SECOND_NS
FEED_HOLD_NS = BOOK_HOLD_NS = 5 * SECOND_NS


def _zeros() -> list[int]:
    return [0] * WINDOW_S


@dataclass(slots=True)
class Breakers:
    """feed .. volatility: states of `hysteresis`. wide: quotes in a row with a wide spread.

    mid2: half ticks, of the last mark of a live book. squares: sums of squared mid returns (ppm) by second, modulo the
    window; total: their sum; second: the last one in it.
    """

    feed: int = 0
    book: int = 0
    spread: int = 0
    jump: int = 0
    volatility: int = 0
    wide: int = 0
    mid2: int = 0
    second: int = 0
    total: int = 0
    squares: list[int] = field(default_factory=_zeros)

    def __copy__(self) -> "Breakers":
        return Breakers(
            self.feed,
            self.book,
            self.spread,
            self.jump,
            self.volatility,
            self.wide,
            self.mid2,
            self.second,
            self.total,
            self.squares.copy(),
        )

    @property
    def counts_quotes(self) -> bool:
        """Every quote matters: a wide spread is being counted, or waited out."""
        return self.wide > 0 or self.spread != hysteresis.CLOSED

    @property
    def open(self) -> str:
        """The first breaker that is not closed; "" when all are."""
        if not (self.feed or self.book or self.spread or self.jump or self.volatility):
            return ""
        if self.feed:
            return "feed"
        if self.book:
            return "book"
        if self.spread:
            return "spread"
        if self.jump:
            return "jump"
        return "volatility"


def on_quote(breakers: Breakers, bid: int, ask: int, time: int) -> bool:
    """Watch the spread of a valid book (0 < bid <= ask); True when its breaker opened or closed."""
    before = breakers.spread
    spread, whole = (ask - bid) * 20_000, bid + ask
    breakers.wide = breakers.wide + 1 if spread >= WIDE_BPS * whole else 0
    breakers.spread = hysteresis.step(
        before,
        breach=breakers.wide >= WIDE_QUOTES,
        calm=spread <= NARROW_BPS * whole,
        now=time,
        hold=SPREAD_HOLD_NS,
    )
    return (before == hysteresis.CLOSED) != (breakers.spread == hysteresis.CLOSED)


def on_mark(breakers: Breakers, status: str, mid2: int, time: int) -> str:
    """Watch what a mark shows: the feed, the book, and where it is live the mid. Returns the breaker that is open."""
    if status != "live" or breakers.feed or breakers.book:
        _on_status(breakers, status, time)
    if status == "live":
        before, breakers.mid2 = breakers.mid2 or mid2, mid2
        if before != mid2 or breakers.total or breakers.jump or breakers.volatility:
            _on_return(breakers, (mid2 - before) * PPM // before, time)
    return breakers.open


def reset(breakers: Breakers) -> None:
    """Close them all, and forget what the last minute was like: a person has looked at it."""
    breakers.feed = breakers.book = breakers.spread = hysteresis.CLOSED
    breakers.jump = breakers.volatility = hysteresis.CLOSED
    breakers.wide = breakers.mid2 = breakers.total = 0
    breakers.squares = _zeros()


def _on_status(breakers: Breakers, status: str, time: int) -> None:
    stale, crossed = status == "stale", status == "crossed"
    breakers.feed = hysteresis.step(
        breakers.feed, breach=stale, calm=not stale, now=time, hold=FEED_HOLD_NS
    )
    breakers.book = hysteresis.step(
        breakers.book, breach=crossed, calm=not crossed, now=time, hold=BOOK_HOLD_NS
    )


def _on_return(breakers: Breakers, ppm: int, time: int) -> None:
    """One return between marks: its square joins the window, which says how volatile the last minute was."""
    second = time // SECOND_NS
    if second > breakers.second:
        _forget(breakers, second)
    if ppm:
        breakers.squares[second % WINDOW_S] += ppm * ppm
        breakers.total += ppm * ppm
    size, total = abs(ppm), breakers.total
    if breakers.jump or size >= JUMP_PPM:
        breakers.jump = hysteresis.step(
            breakers.jump,
            breach=size >= JUMP_PPM,
            calm=size < STEADY_PPM,
            now=time,
            hold=JUMP_HOLD_NS,
        )
    if breakers.volatility or total >= VOLATILE_PPM**2:
        breakers.volatility = hysteresis.step(
            breakers.volatility,
            breach=total >= VOLATILE_PPM**2,
            calm=total <= QUIET_PPM**2,
            now=time,
            hold=VOLATILITY_HOLD_NS,
        )


def _forget(breakers: Breakers, second: int) -> None:
    """Clear the seconds between the last one seen and this."""
    squares = breakers.squares
    for passed in range(max(breakers.second, second - WINDOW_S) + 1, second + 1):
        index = passed % WINDOW_S
        breakers.total -= squares[index]
        squares[index] = 0
    breakers.second = second
