"""A table of one cell: what its chunk has changed, over what its commits have made true."""

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
"""Stands for a key that a layer says nothing about; None says that it is gone."""


class Index(Protocol[Seen]):
    """A view derived from a table, kept in step with it; never logged, rebuilt from the table on restore."""

    def change(self, key: str, old: Seen | None, new: Seen | None) -> None:
        """Follow one change of the table."""

    def clear(self) -> None:
        """Forget everything."""


class Table(Generic[V]):
    """A mapping of string keys to values, changed within a chunk and published by its commit.

    Readers outside the cell see `committed` alone. A value is either immutable and replaced by `put`, or has a `copy`
    and is changed in place after `edit`. version: one byte before each logged value, raised where its type changes in a
    way that its decoder does not bridge; older: how values of versions before it are read.
    """

    def __init__(
        self,
        name: str,
        value: type[V],
        indexes: tuple[Index[V], ...] = (),
        version: bytes = VERSION,
        older: Mapping[bytes, Callable[[bytes], V]] = NO_READERS,
    ) -> None:
        self.name = name
        self.committed: dict[str, V] = {}
        self.pending: dict[str, V | None] = {}
        self.overlay: dict[str, V | None] = {}
        self._indexes = indexes
        self._encode, decode = _codec(value)
        self._version = version
        self._readers = {**older, version: decode}

    def get(self, key: str) -> V | None:
        """The value as this chunk sees it, not to be changed in place."""
        value = self.overlay.get(key, UNCHANGED)
        if value is UNCHANGED:
            value = self.pending.get(key, UNCHANGED)
            if value is UNCHANGED:
                return self.committed.get(key)
        return value

    def __getitem__(self, key: str) -> V:
        value = self.get(key)
        if value is None:
            raise KeyError(f"{self.name}[{key}]")
        return value

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def items(self) -> Iterator[tuple[str, V]]:
        """All pairs as this chunk sees them, in key order."""
        for key in sorted(self.committed.keys() | self.pending.keys() | self.overlay.keys()):
            value = self.get(key)
            if value is not None:
                yield key, value

    def edit(self, key: str) -> V | None:
        """The value to change in place: this chunk's copy. None when there is none. Not for indexed tables."""
        value = self.overlay.get(key)
        if value is None and key not in self.overlay:
            before = self.get(key)
            if before is not None:
                value = self.overlay[key] = copy.copy(before)
        return value

    def put(self, key: str, value: V) -> None:
        """Set the value of a key."""
        for index in self._indexes:
            index.change(key, self.get(key), value)
        self.overlay[key] = value

    def delete(self, key: str) -> None:
        """Remove a key; a tombstone is logged."""
        for index in self._indexes:
            index.change(key, self.get(key), None)
        self.overlay[key] = None

    def changes(self) -> Iterator[tuple[str, V | None, V | None]]:
        """What this chunk has changed so far: key, the value that it found, the value now."""
        for key, now in self.overlay.items():
            found = self.pending[key] if key in self.pending else self.committed.get(key)
            yield key, found, now

    def seal(self) -> list[tuple[bytes, bytes | None]]:
        """Close the chunk: its changelog records (key, value or tombstone), one per changed key.

        What it changed waits for `publish`, beneath the overlay of the next chunk.
        """
        assert not self.pending, f"table {self.name}: one chunk commits at a time"
        prefix, version, encode = f"{self.name}|", self._version, self._encode
        self.pending, self.overlay = self.overlay, {}
        return [
            ((prefix + key).encode(), None if value is None else version + encode(value))
            for key, value in self.pending.items()
        ]

    def publish(self) -> None:
        """Make the sealed chunk's changes true, after its commit."""
        for key, value in self.pending.items():
            if value is None:
                self.committed.pop(key, None)
            else:
                self.committed[key] = value
        self.pending = {}

    def discard(self) -> None:
        """Forget the open chunk's changes; a sealed one stays."""
        self.overlay = {}
        for index in self._indexes:
            index.clear()
            for key, value in self.items():
                index.change(key, None, value)

    def load(self, key: str, data: bytes | None) -> None:
        """Apply one changelog record during restore."""
        old = self.committed.get(key)
        if data is None:
            new = None
            self.committed.pop(key, None)
        else:
            new = self.committed[key] = self.value(data)
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
