"""Exit codes: who has to act when a process ends."""

from enum import IntEnum


class Exit(IntEnum):
    """72 to 76: a restart mends it. 70, 71, 77, 78: a person does."""

    CLEAN = 0
    USAGE = 64
    REFUSED = 65
    INVARIANT = 70
    CHECK_FAILED = 71
    FENCED = 72
    TRANSACTION = 73
    NO_BROKER = 74
    STALLED = 75
    RESTORE_STALLED = 76
    LOG_CHANGED = 77
    SETTINGS = 78
