"""A table of one cell: what is there now, and what its open chunks have found where they changed it."""

import copy
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from pydantic import BaseModel

V = TypeVar("V")
Seen = TypeVar("Seen", contravariant=True)
VERSION = b"\x01"
NO_READERS: Mapping[bytes, Callable[[bytes], Any]] = MappingProxyType({})
UNCHANGED: Any = object()
"""Stands for a key that no open chunk has changed; None says that it was not there."""


class Index(Protocol[Seen]):
    """A view derived from a table, kept in step with it; never logged, rebuilt from the table on restore."""

    def change(self, key: str, old: Seen | None, new: Seen | None) -> None:
        """Follow one change of the table."""

    def clear(self) -> None:
        """Forget everything."""


class Committed(Mapping[str, V]):
    """A table as its commits have made it true: what is there now, less what open chunks have changed."""

    def __init__(self, now: Mapping[str, V], found: Mapping[str, V | None]) -> None:
        """found: what open chunks have found of the keys that they changed."""
        self._now = now
        self._found = found

    def __getitem__(self, key: str) -> V:
        value = self._found.get(key, UNCHANGED)
        if value is UNCHANGED:
            return self._now[key]
        if value is None:
            raise KeyError(key)
        return value  # type: ignore[no-any-return]  # of UNCHANGED, which is any

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._now if key not in self._found)
        yield from (key for key, value in self._found.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Table(Generic[V]):
    """A mapping of string keys to values, changed within a chunk and published by its commit.

    Readers outside the cell see `committed` alone. A value is either immutable and replaced by `put`, or has a `copy`
    and is changed in place after `edit`. version: one byte before each logged value, raised where its type changes in a
    way that its decoder does not bridge; older: how values of versions before it are read. get: the value as this chunk
    sees it, not to be changed in place; changed: the keys that this chunk has changed, each with what it had found.
    """

    get: Callable[[str], V | None]

    def __init__(
        self,
        name: str,
        value: type[V],
        indexes: tuple[Index[V], ...] = (),
        version: bytes = VERSION,
        older: Mapping[bytes, Callable[[bytes], V]] = NO_READERS,
    ) -> None:
        self.name = name
        self.changed: dict[str, V | None] = {}
        self._sealed: dict[str, V | None] = {}
        self._now: dict[str, V] = {}
        self.get = self._now.get  # handlers ask a hundred times an order
        self._indexes = indexes
        self._encode, decode = _codec(value)
        self._copy: Callable[[V], V] = getattr(value, "__copy__", copy.copy)
        self._version = version
        self._readers = {**older, version: decode}

    @property
    def committed(self) -> Mapping[str, V]:
        """What commits have made true, as it is at this moment."""
        return Committed(self._now, self.changed | self._sealed)

    def __getitem__(self, key: str) -> V:
        value = self._now.get(key)
        if value is None:
            raise KeyError(f"{self.name}[{key}]")
        return value

    def __contains__(self, key: str) -> bool:
        return key in self._now

    def items(self) -> Iterator[tuple[str, V]]:
        """All pairs as this chunk sees them, in key order."""
        for key in sorted(self._now):
            yield key, self._now[key]

    def edit(self, key: str) -> V | None:
        """The value to change in place: this chunk's copy. None when there is none. Not for indexed tables."""
        found = self._now.get(key)
        if found is None or key in self.changed:
            return found
        self.changed[key] = found
        value = self._now[key] = self._copy(found)
        return value

    def put(self, key: str, value: V) -> None:
        """Set the value of a key."""
        found = self._now.get(key)
        for index in self._indexes:
            index.change(key, found, value)
        if key not in self.changed:
            self.changed[key] = found
        self._now[key] = value

    def delete(self, key: str) -> None:
        """Remove a key; a tombstone is logged."""
        found = self._now.pop(key, None)
        for index in self._indexes:
            index.change(key, found, None)
        if key not in self.changed:
            self.changed[key] = found

    def changes(self) -> Iterator[tuple[str, V | None, V | None]]:
        """What this chunk has changed so far: key, the value that it found, the value now."""
        for key, found in self.changed.items():
            yield key, found, self._now.get(key)

    def seal(self) -> list[tuple[bytes, bytes | None]]:
        """Close the chunk: its changelog records (key, value or tombstone), one per changed key.

        What it found waits for `publish`, and the next chunk builds on what it changed.
        """
        assert not self._sealed, f"table {self.name}: one chunk commits at a time"
        if not self.changed:
            return []
        prefix, version, encode, get = f"{self.name}|", self._version, self._encode, self.get
        self._sealed, self.changed = self.changed, {}
        return [
            (
                (prefix + key).encode(),
                None if (value := get(key)) is None else version + encode(value),
            )
            for key in self._sealed
        ]

    def publish(self) -> None:
        """Make the sealed chunk's changes true, after its commit."""
        self._sealed = {}

    def discard(self) -> None:
        """Forget the open chunk's changes; a sealed one stays."""
        for key, found in self.changed.items():
            if found is None:
                self._now.pop(key, None)
            else:
                self._now[key] = found
        self.changed = {}
        for index in self._indexes:
            index.clear()
            for key, value in self.items():
                index.change(key, None, value)

    def load(self, key: str, data: bytes | None) -> None:
        """Apply one changelog record during restore."""
        old = self._now.get(key)
        if data is None:
            new = None
            self._now.pop(key, None)
        else:
            new = self._now[key] = self.value(data)
        for index in self._indexes:
            index.change(key, old, new)

    def value(self, data: bytes) -> V:
        """A value from its logged bytes; ValueError for a version this code does not know."""
        decode = self._readers.get(data[:1])
        if decode is None:
            raise ValueError(f"table {self.name}: unknown value version {data[:1]!r}")
        return decode(data[1:])


def _codec(value: type[V]) -> tuple[Callable[[Any], bytes], Callable[[bytes], V]]:
    """JSON, since money is wider than the 64 bits of binary formats."""
    if issubclass(value, BaseModel):
        return lambda model: model.model_dump_json().encode(), value.model_validate_json
    return msgspec.json.Encoder().encode, msgspec.json.Decoder(value).decode
