"""The feature sets that are stored, as the stream makes them: no feature is named here again."""

import struct
from typing import NamedTuple

from models import bars, features


class FeatureSet(NamedTuple):
    """One set of the topic `features`. names: in the order of the vector; ttl_s: how long a row stands for now."""

    name: str
    version: int
    names: tuple[str, ...]
    hash: str
    vector: struct.Struct
    ttl_s: int

    @property
    def view(self) -> str:
        """Its feature view, and the SQL view below it."""
        return f"{self.name}_v{self.version}"

    @property
    def push_source(self) -> str:
        """Where the sink pushes its rows."""
        return f"{self.view}_push"

    @property
    def service(self) -> str:
        """Its feature service."""
        return f"{self.name}_service"


MICRO = FeatureSet(
    features.NAME,
    features.VERSION,
    features.NAMES,
    features.SET_HASH,
    features.VECTOR,
    ttl_s=60,
)
BARS = FeatureSet(
    bars.NAME,
    bars.VERSION,
    bars.NAMES,
    bars.SET_HASH,
    bars.VECTOR,
    ttl_s=2 * 86_400,
)
"""Two intervals of the longest bars, those of a day."""

SETS = (MICRO, BARS)
BY_HASH = {stored.hash: stored for stored in SETS}
