"""One running hash for each cell and each topic partition that it writes, and what to keep where two of them differ."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from api.replay.stretch import CellName


class Stream(NamedTuple):
    """What one cell writes to one topic partition, in order."""

    cell: CellName
    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}] of {self.cell}"


class Written(NamedTuple):
    """One record, but for its offset. header: its stamp, or `through` in a changelog."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    header: bytes


class Running(msgspec.Struct):
    """How many records have passed, and their hash: over the one before and the next record, so that it can be kept."""

    records: int = 0
    sha256: bytes = b""

    def add(self, written: Written) -> None:
        """The next record."""
        self.records += 1
        self.sha256 = hashlib.sha256(self.sha256 + b"".join(framed(*written))).digest()


class Hashes:
    """The streams of a run. keep: one whose records are kept besides."""

    def __init__(self, keep: Stream | None = None) -> None:
        self.streams: dict[Stream, Running] = {}
        self.kept: list[Written] = []
        self._keep = keep

    def add(self, stream: Stream, written: Written) -> None:
        """The next record of a stream."""
        running = self.streams.get(stream)
        if running is None:
            running = self.streams[stream] = Running()
        running.add(written)
        if stream == self._keep:
            self.kept.append(written)

    def by_partition(self) -> dict[str, str]:
        """One hash for each topic partition, over those of the cells that write to it, in their order."""
        whole: dict[str, hashlib._Hash] = {}
        for stream in sorted(self.streams):
            name = f"{stream.topic}[{stream.partition}]"
            digest = whole.setdefault(name, hashlib.sha256())
            digest.update(f"{stream.cell} ".encode() + self.streams[stream].sha256)
        return {name: digest.hexdigest() for name, digest in sorted(whole.items())}

    def records(self, partition: str) -> int:
        """How many records are in a topic partition, by its name as `by_partition` has it."""
        return sum(
            running.records
            for stream, running in self.streams.items()
            if partition == f"{stream.topic}[{stream.partition}]"
        )


def framed(*fields: bytes | int | None) -> Iterable[bytes]:
    """Each field behind its length in four bytes, big-endian; -1 for none. So no two records hash alike by chance."""
    for content in fields:
        data = str(content).encode() if isinstance(content, int) else content
        yield (-1 if data is None else len(data)).to_bytes(4, "big", signed=True)
        yield data or b""
