"""One made-up market: a best bid and ask that breathe, lean and move, for the synthetic feed."""

from dataclasses import dataclass
from random import Random
from typing import Literal

SIZE_MEAN = 400
"""Lots displayed on a side, in the mean, when the market leans nowhere."""

TRADE_SIZE_MAX = 160
"""Lots; small trades are far more frequent than large ones."""

LEAN_KEPT = 0.988
"""How much of the market's lean survives one quote."""

LEAN_NOISE = 0.15
"""How far one quote can turn the lean by chance."""

LEAN_PUSH = 0.02
"""How far one quote of a burst turns it."""

LEAN_SIZE = 0.85
"""How much of the displayed sizes the lean explains; the rest is noise."""

MOVE_SHARE = 0.10
"""Quotes that move the price; the others change a displayed size."""

MOVE_LEAN = 0.45
"""How far the lean pulls the odds of an upward move from even."""

ANCHOR_PULL = 4.0
"""Odds taken back per relative distance from the first price, so that prices stay near it for hours."""

WIDE_SHARE = 0.03
"""Moves that leave the spread two or three ticks wide; the next quote may close it."""

SPREAD_MAX = 3


@dataclass(frozen=True)
class Rules:
    """How a market behaves. pull: how far the lean pulls the odds of a move; moves: share of quotes that move it.

    least, spread: factor on displayed sizes, from `least` to `least + spread`. level, turns: where set, the lean is
    `level` to one side and turns round with this chance a quote, in place of wandering.
    """

    pull: float = MOVE_LEAN
    moves: float = MOVE_SHARE
    least: float = 0.25
    spread: float = 1.0
    level: float = 0.0
    turns: float = 0.0

    def lean(self, before: float, noise: float, push: float) -> float:
        """The lean after one quote. noise: uniform in [-1, 1)."""
        if not self.level:
            return _clamp(LEAN_KEPT * before + LEAN_NOISE * noise + LEAN_PUSH * push)
        side = self.level if before > 0 else -self.level
        return -side if noise < 2.0 * self.turns - 1.0 else side


CALM = Rules()
DEAF = Rules(pull=0.0)
"""The sizes of the book say nothing of the next move."""

CLEAR = Rules(moves=0.3, least=0.9, spread=0.2, level=0.5, turns=1 / 350)
"""They say much, for seconds on end."""


@dataclass
class SimulatedBook:
    """Best bid and ask in ticks with displayed sizes in lots.

    lean: in [-1, 1], hidden; above 0 the bid side is the larger and the next move is rather upward. Only +, -, x and
    comparisons of floats are used, so every machine makes the same book.
    """

    draw: Random
    anchor: int
    bid: int
    ask: int
    bid_size: int = SIZE_MEAN
    ask_size: int = SIZE_MEAN
    lean: float = 0.0
    rules: Rules = CALM

    def quote(self, push: float) -> None:
        """One change of the best quote. push: in [-1, 1], where a burst drives the lean."""
        noise = self.draw.random() * 2.0 - 1.0
        self.lean = self.rules.lean(self.lean, noise, push)
        if self.ask - self.bid > 1 and self.draw.random() < 0.5:
            self._narrow()
        elif self.draw.random() < self.rules.moves:
            self._move(up=self._is_upward())
        elif self.draw.random() < 0.5:
            self.bid_size = self._size(self.lean)
        else:
            self.ask_size = self._size(-self.lean)

    def trade(self) -> tuple[Literal["buy", "sell"], int, int]:
        """One trade against the displayed quote as (aggressor, ticks, lots); an emptied level moves the price."""
        size = 1 + int(
            self.draw.random() * self.draw.random() * self.draw.random() * TRADE_SIZE_MAX
        )
        if self.draw.random() < 0.5 + self.rules.pull * self.lean:
            price, filled = self.ask, min(size, self.ask_size)
            self.ask_size -= filled
            if self.ask_size == 0:
                self._move(up=True)
            return "buy", price, filled
        price, filled = self.bid, min(size, self.bid_size)
        self.bid_size -= filled
        if self.bid_size == 0:
            self._move(up=False)
        return "sell", price, filled

    def _is_upward(self) -> bool:
        distance = (self.bid - self.anchor) / self.anchor
        return self.draw.random() < 0.5 + self.rules.pull * self.lean - ANCHOR_PULL * distance

    def _move(self, *, up: bool) -> None:
        step = 1 if up or self.bid > 1 else 0
        spread = 1
        if self.draw.random() < WIDE_SHARE:
            spread += 1 + int(self.draw.random() * (SPREAD_MAX - 1))
        if up:
            self.ask += step
            self.bid = self.ask - spread
        else:
            self.bid -= step
            self.ask = self.bid + spread
        self.bid = max(self.bid, 1)
        self.bid_size, self.ask_size = self._size(self.lean), self._size(-self.lean)

    def _narrow(self) -> None:
        if self.draw.random() < 0.5 + 0.5 * self.lean:
            self.bid = self.ask - 1
            self.bid_size = self._size(self.lean)
        else:
            self.ask = self.bid + 1
            self.ask_size = self._size(-self.lean)

    def _size(self, lean: float) -> int:
        noise = self.draw.random() * 2.0 - 1.0
        share = 1.0 + LEAN_SIZE * lean + (1.0 - LEAN_SIZE) * noise
        return 1 + int(
            SIZE_MEAN * share * (self.rules.least + self.rules.spread * self.draw.random())
        )


def _clamp(value: float) -> float:
    return max(-1.0, min(1.0, value))
