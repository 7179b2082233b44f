"""The proof that a replay is the live run: the hashes of both, and the first record in which they differ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from agents.group import Group
from api.replay import live, recorded, stretch
from api.replay.hashes import Hashes, Stream, Written
from api.replay.logs import ProofLog
from api.replay.recorded import Progress
from api.replay.stretch import Stretches


@dataclass(frozen=True)
class Difference:
    """The first record of a stream in which a live run and its replay differ; None: there is none on that side."""

    stream: Stream
    number: int
    live: Written | None
    replayed: Written | None

    def __str__(self) -> str:
        return f"{self.stream}, record {self.number}:\n  live     {self.live}\n  replayed {self.replayed}"


@dataclass
class Proof:
    """What was compared. sha256: by topic partition, of the live run; records, steps: how many."""

    steps: int
    chunks: int
    records: int
    sha256: dict[str, str]
    replayed: dict[str, str]
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether every byte is the same."""
        return self.sha256 == self.replayed


async def prove(
    log: ProofLog,
    groups: Sequence[Group],
    partitions: int,
    since_ms: int | None = None,
    until_ms: int | None = None,
    progress: Progress = lambda _name, _step: None,
) -> Proof:
    """Replay a range of event time, everything for None. Raises Unverifiable, LogTruncated, HandlerFailed."""
    found = await stretch.find(log, since_ms, until_ms)
    lived, replayed = Hashes(), Hashes()
    await recorded.replay(log, groups, partitions, found, replayed, progress)
    await live.read(log, groups, found, lived)
    proof = Proof(
        steps=sum(each.last - each.first for each in found.values()),
        chunks=sum(each.chunks for each in found.values()),
        records=sum(running.records for running in lived.streams.values()),
        sha256=lived.by_partition(),
        replayed=replayed.by_partition(),
    )
    for stream in _differing(lived, replayed):
        proof.differences.append(await _first(log, groups, partitions, found, stream))
    return proof


def _differing(lived: Hashes, replayed: Hashes) -> list[Stream]:
    def digest(hashes: Hashes, stream: Stream) -> bytes:
        running = hashes.streams.get(stream)
        return b"" if running is None else running.sha256

    streams = sorted(lived.streams.keys() | replayed.streams.keys())
    return [s for s in streams if digest(lived, s) != digest(replayed, s)]


async def _first(
    log: ProofLog, groups: Sequence[Group], partitions: int, found: Stretches, stream: Stream
) -> Difference:
    """Once more, for that cell alone, with its records kept."""
    one = {stream.cell: found[stream.cell]}
    lived, replayed = Hashes(stream), Hashes(stream)
    await recorded.replay(log, groups, partitions, one, replayed)
    await live.read(log, groups, one, lived)
    for number, (theirs, ours) in enumerate(zip_longest(lived.kept, replayed.kept)):
        if theirs != ours:
            return Difference(stream, number, theirs, ours)
    raise AssertionError("hashes differ where no record does")
