"""Predictions that wait for their labels, by symbol and model in the order of their deadlines."""

from collections import deque
from collections.abc import Iterator

import msgspec

from streams.predictions import Answer
from streams.state import Table


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One logged prediction. offset: of its `features` record. learnable: whether its vector may be learned from."""

    offset: int
    time: int
    mid2: int
    ready: int
    set_hash: str
    vector: bytes
    learnable: bool
    served: Answer
    outputs: tuple[Answer, ...]
    cost_bps: float


class Lines:
    """The index of `waiting`: one line a symbol and model, the oldest first, by its place."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Waiting]] = {}

    def change(self, key: str, old: Waiting | None, new: Waiting | None) -> None:
        """Entries come at the end and go from the front; none ever changes."""
        place = key.rpartition("|")[0]
        line = self._lines.setdefault(place, deque())
        if old is not None:
            gone = line.popleft()
            assert gone.offset == old.offset, f"{key} is not the oldest"
        if new is not None:
            line.append(new)
        if not line:
            del self._lines[place]

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()

    def oldest(self, place: str) -> Waiting | None:
        """The next of a place to be labelled."""
        line = self._lines.get(place)
        return line[0] if line else None

    def length(self, place: str) -> int:
        """How many wait at a place."""
        return len(self._lines.get(place, ()))

    def lengths(self) -> list[tuple[str, int]]:
        """How many wait, by place; also for other threads."""
        return [(place, len(line)) for place, line in [*self._lines.items()]]

    def places(self) -> Iterator[str]:
        """Where any wait, sorted."""
        return iter(sorted(self._lines))


class WaitingTable(Table[Waiting]):
    """The table `waiting`, keyed by model, symbol and offset."""

    def __init__(self) -> None:
        self.lines = Lines()
        super().__init__("waiting", Waiting, (self.lines,))

    def add(self, place: str, waiting: Waiting) -> None:
        """Let a prediction wait at the end of its line."""
        self.put(_key(place, waiting.offset), waiting)

    def take(self, place: str, waiting: Waiting) -> None:
        """Let the oldest of a line go."""
        self.delete(_key(place, waiting.offset))


def _key(place: str, offset: int) -> str:
    return f"{place}|{offset:019d}"
