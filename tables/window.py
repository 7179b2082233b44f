"""Views of a table: its entries oldest first, so that a memory of ids can be bounded, and whether it has any."""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class OldestFirst(Generic[V]):
    """Index of a table by age. age: an integer that never changes while the value counts; None = not counted."""

    def __init__(self, age: Callable[[V], int | None]) -> None:
        self._age = age
        self._ages: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._ages)

    def change(self, key: str, old: V | None, new: V | None) -> None:
        """Follow one change of the table."""
        age = None if new is None else self._age(new)
        if age is None:
            self._ages.pop(key, None)
        elif self._ages.get(key) != age:
            self._ages[key] = age
            heapq.heappush(self._heap, (age, key))

    def clear(self) -> None:
        """Forget everything."""
        self._ages.clear()
        self._heap.clear()

    def oldest(self) -> str | None:
        """The key that has counted longest, None when none counts."""
        while self._heap:
            age, key = self._heap[0]
            if self._ages.get(key) == age:
                return key
            heapq.heappop(self._heap)
        return None


class Keys:
    """Index of a table that is nearly always empty: asking whether it is costs nothing."""

    def __init__(self) -> None:
        self.present: set[str] = set()

    def change(self, key: str, old: object | None, new: object | None) -> None:
        """Follow one change of the table."""
        if new is None:
            self.present.discard(key)
        else:
            self.present.add(key)

    def clear(self) -> None:
        """Forget everything."""
        self.present.clear()
