"""The exported state of the online version `lin`, plain numbers, and the bounds within which it answers."""

import struct

from models.features import NAMES, SET_HASH

FORMAT = b"lin1" + bytes.fromhex(SET_HASH)
"""The stamp of an exported state; a state of another format or feature set is learned anew."""

WIDTH = len(NAMES)
STATE = struct.Struct(f"<{len(FORMAT)}s{2 + 3 * WIDTH}d")
"""The stamp, intercept, examples learned, then weights, means and variances in the order of the features."""

FRESH: bytes = STATE.pack(FORMAT, *[0.0] * (2 + 3 * WIDTH))
LEARNING = b""

Z_MAX, Z_HIGH, Z_HIGH_COUNT = 8.0, 5.0, 3
"""Out of distribution: any abs(z) above the first, or so many above the second."""


def is_known(dump: bytes) -> bool:
    """Whether `Linear` reads this exported state."""
    return len(dump) == STATE.size and dump.startswith(FORMAT)


def is_outlier(scaled: dict[str, float]) -> bool:
    """Whether a scaled vector is unlike what the version has learned from."""
    sizes = [abs(z) for z in scaled.values()]
    return max(sizes) > Z_MAX or sum(size > Z_HIGH for size in sizes) >= Z_HIGH_COUNT
