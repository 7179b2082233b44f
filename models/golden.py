"""Fifty vectors that every version must answer as it did when it was registered, to the bit."""

import hashlib
import struct
from collections.abc import Iterable

from models import bars, features

COUNT = 50
SETS = {bars.SET_HASH: bars.FEATURES}
"""Of the feature sets beside `micro`."""


def vectors(count: int = COUNT, set_hash: str = features.SET_HASH) -> tuple[tuple[float, ...], ...]:
    """The first of a feature set, each feature within its clip; made of hashes, so the same everywhere and for ever."""
    return tuple(
        tuple(
            feature.low + (feature.high - feature.low) * _share(row, feature.name)
            for feature in SETS.get(set_hash, features.FEATURES)
        )
        for row in range(count)
    )


def digest(outputs: Iterable[float]) -> str:
    """sha256 (hex) of the outputs as little-endian float64."""
    packed = b"".join(struct.pack("<d", output) for output in outputs)
    return hashlib.sha256(packed).hexdigest()


def _share(row: int, name: str) -> float:
    """In [0, 1), of 32 bits, so that the product above is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{row}:{name}".encode()).digest()[:4], "big") / 2**32
