"""When a part that ended unasked is started again, and when a person must act."""

from dataclasses import dataclass

from streams.exits import Exit

DELAYS_S = (1.0, 2.0, 4.0, 8.0)
"""Before the first, second, third and every further restart in a row."""

RESTARTS_MAX = 10
"""In a row; after that something is wrong that a restart does not mend."""

CALM_S = 60.0
"""A part that ran this long has recovered: its next restart is a first one."""

A_PERSON = frozenset({Exit.INVARIANT, Exit.CHECK_FAILED, Exit.LOG_CHANGED, Exit.SETTINGS})


@dataclass
class Restarts:
    """The restarts in a row of one part."""

    count: int = 0

    def delay(self, code: int, ran_s: float) -> float | None:
        """Seconds to wait before the part starts again; None: it must not, a person has to act.

        code: its exit code, negative for a signal. ran_s: how long it ran.
        """
        if code in A_PERSON:
            return None
        if ran_s >= CALM_S:
            self.count = 0
        if self.count >= RESTARTS_MAX:
            return None
        delay = DELAYS_S[min(self.count, len(DELAYS_S) - 1)]
        self.count += 1
        return delay
