"""A sorted list of what waits at prices or times, so that the question "is anything reached?" costs one compare."""

from bisect import bisect_left, insort

NEVER = 1 << 62
"""Beyond every price in ticks and every time in ns."""

BULK = 64
"""More fresh entries than this are sorted at once: a restore adds a whole book before anything reads it."""

Entry = tuple[int, int, int, str]
"""(key, -active_at, -offset, order_id), or another second: sorts by what is served first, largest first."""


class Ladder:
    """Entries of one kind, sorted so that the one to be served first stands last. best: its key, or -NEVER."""

    __slots__ = ("_entries", "_fresh", "best")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._fresh: list[Entry] = []
        self.best = -NEVER

    def add(self, entry: Entry) -> None:
        """Take in an entry."""
        self._fresh.append(entry)
        if entry[0] > self.best:
            self.best = entry[0]

    def remove(self, entry: Entry) -> None:
        """Drop an entry that is there."""
        entries = self._settled()
        at = bisect_left(entries, entry)
        assert entries[at] == entry, "the index has lost step with its table"
        del entries[at]
        self.best = entries[-1][0] if entries else -NEVER

    def after(self, last: Entry | None, reach: int) -> Entry | None:
        """The entry served next after `last` (None: the first) with a key of at least `reach`; safe while changing."""
        entries = self._settled()
        at = len(entries) if last is None else bisect_left(entries, last)
        return entries[at - 1] if at and entries[at - 1][0] >= reach else None

    def reached(self, reach: int) -> list[str]:
        """The ids with a key of at least `reach`, served first first."""
        entries = self._settled()
        start = bisect_left(entries, (reach, -NEVER, -NEVER, ""))
        return [entry[3] for entry in reversed(entries[start:])]

    def _settled(self) -> list[Entry]:
        if len(self._fresh) > BULK:
            self._entries.extend(self._fresh)
            self._entries.sort()
        else:
            for entry in self._fresh:
                insort(self._entries, entry)
        self._fresh.clear()
        return self._entries
