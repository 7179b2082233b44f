"""How far features have moved from those that a version was trained on: its manifest tells where the deciles lay.

PSI = sum over bins of (share now - share then) ln(share now / share then); Siddiqi, "Credit Risk Scorecards", 2006.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from models.report.shift import PSI_RETRAIN, RETRAIN_FEATURES, SHARE_MIN
from models.skill import Floats, Ints

DECILES = np.arange(1, 10) / 10


class Bins(msgspec.Struct, frozen=True):
    """Of one feature's train rows. edges: deciles, each once; shares: of the rows below, between and above them."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def counts(self, column: Floats) -> Ints:
        """How many values fall into each bin."""
        places = np.searchsorted(np.array(self.edges), column, side="right")
        return np.bincount(places, minlength=len(self.edges) + 1)

    def psi(self, counts: Ints) -> float:
        """Of the rows that were counted, at least one."""
        now = np.maximum(counts / counts.sum(), SHARE_MIN)
        then = np.maximum(np.array(self.shares), SHARE_MIN)
        return float(np.sum((now - then) * np.log(now / then)))


def bins(column: Floats) -> Bins:
    """Of the train rows of one feature."""
    edges = Bins(tuple(np.unique(np.quantile(column, DECILES)).tolist()), ())
    shares = edges.counts(column) / len(column)
    return Bins(edges.edges, tuple(shares.tolist()))


def of_manifest(manifest: Mapping[str, Any]) -> dict[str, Bins]:
    """By feature; empty for a version that was trained before there were any."""
    return msgspec.convert(manifest.get("bins", {}), dict[str, Bins])


def moved(found: Mapping[str, float]) -> list[str]:
    """The features, by their PSI, that ask for a training; none where they are too few."""
    beyond = [name for name, psi in found.items() if psi > PSI_RETRAIN]
    return beyond if len(beyond) >= RETRAIN_FEATURES else []
