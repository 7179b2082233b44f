"""What a training is told; with the rows it decides every byte of what comes out."""

import hashlib

import msgspec

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
NO_END = 2**62
"""`until` of a training on all bars that there are."""


class Thresholds(msgspec.Struct, frozen=True):
    """What a version must show on its test rows; see `models.batch.verdict`."""

    sharpe_min: float = 1.0
    sortino_min: float = 1.5
    drawdown_min: float = -0.10
    cvar_min: float = -0.05
    periods_min: int = 30
    auc_max: float = 0.90


class Trees(msgspec.Struct, frozen=True):
    """LightGBM's settings."""

    leaves: int = 31
    rate: float = 0.05
    leaf_rows_min: int = 200
    rounds_max: int = 500
    patience: int = 50


class Config(msgspec.Struct, frozen=True):
    """model: its registry key. since, until: event time (ns) of the rows. source: where they were read.

    rows_min: of train, validation and test. left_out: features that no version of this training may use. Of bars:
    origin, who told them; interval; symbols, all when empty; cost_bps, of a round trip.
    """

    model: str
    since: int
    until: int
    source: str = "history"
    seed: int = 7
    rows_min: tuple[int, int, int] = (5_000, 500, 500)
    l2: float = 1.0
    left_out: tuple[str, ...] = ()
    trees: Trees = Trees()
    thresholds: Thresholds = Thresholds()
    max_age_ns: int = 7 * DAY_NS
    origin: str = ""
    interval: str = ""
    symbols: tuple[str, ...] = ()
    cost_bps: float = 0.0

    def sha256(self) -> str:
        """Of the canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()
