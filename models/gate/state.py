"""What the gate has counted of one model so far: a fold of its examples, kept in `gate_state` between runs."""

import msgspec

from models.gate.wager import Wager, evidence


class Seen(msgspec.Struct, array_like=True):
    """Of a symbol: until when (ns) its last gate label was unknown, and the mean size of its returns (bps)."""

    taken_until: int = 0
    returns: int = 0
    move_bps: float = 0.0


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """One gate label: when it was known, what it was, and every answer that there was."""

    known_at: int
    up: bool
    answers: dict[str, float]


class Rival(msgspec.Struct):
    """A version beside the champion, on gate labels of vectors from `since` (ns) on.

    order: j-th candidate since the champion took over. symbols: fixed before its first bet. gains: bets that it is the
    nearer one. costs: bets that it brings less after costs. pnl_bps, champion_pnl_bps: what both brought. equity,
    peak, drawdown: of one unit that traded its answers.
    """

    version: str
    since: int
    order: int = 1
    symbols: tuple[str, ...] = ()
    gains: dict[str, Wager] = {}
    costs: dict[str, Wager] = {}
    labels: int = 0
    ups: int = 0
    first_at: int = 0
    last_at: int = 0
    pnl_bps: float = 0.0
    champion_pnl_bps: float = 0.0
    equity: float = 1.0
    peak: float = 1.0
    drawdown: float = 0.0

    @property
    def evidence(self) -> float:
        """E: that it is better than the champion."""
        return evidence(self.gains, self.symbols)

    @property
    def cost_evidence(self) -> float:
        """E: that it brings less than the champion."""
        return evidence(self.costs, self.symbols)


class Canary(msgspec.Struct):
    """The step under way. gap_bps: what the challenger brought beyond the champion where it answered."""

    since: int
    share: float
    labels: int = 0
    gap_bps: float = 0.0


class GateState(msgspec.Struct):
    """All of one model. since: event time at which this champion took over; epoch: of the alias that is followed.

    candidates: those that may replace it; guards: the former champion and `prior`, before which it must not fall back.
    entries: bets that the champion earns more than its costs. fault: why its last vector had no answer, where such a
    reason ends its service. recent: the last gate labels. admitted: candidates since `since`. demotions: their times.
    """

    champion: str = ""
    since: int = 0
    epoch: int = -1
    candidates: dict[str, Rival] = {}
    guards: dict[str, Rival] = {}
    entries: dict[str, Wager] = {}
    symbols: dict[str, Seen] = {}
    recent: list[Outcome] = []
    admitted: int = 0
    clock: int = 0
    labels: int = 0
    fault: str = ""
    canary: Canary | None = None
    demotions: list[int] = []

    @property
    def entry_evidence(self) -> float:
        """E: that the champion earns more than its costs."""
        return evidence(self.entries, self.symbols)
