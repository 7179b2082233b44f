"""What a run left in the log, read as any foreign consumer would: read_committed, by topic, partition and offset."""

import json
from collections.abc import Container
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from streams import log, topics
from streams.ids import Ref
from streams.log import Record

STATES = (
    "symbol-state",
    "learner-state",
    "learner-heavy-state",
    "strategist-state",
    "account-state",
)
GROUP_OF = {
    "market.marks": "symbol",
    "features": "symbol",
    "orders.events": "symbol",
    "fills": "symbol",
    "strategy.fills": "symbol",
    "predictions": "learner",
    "labels": "learner",
    "examples": "learner",
    "risk.decisions": "account",
    "orders.accepted": "account",
    "positions": "account",
}
"""The one group that writes each topic; dead letters name theirs, `orders` has other producers too."""


LANE = b'"lane":"heavy"'
"""In predictions and examples of the learner that is a worker of its own."""

ACCOUNT_INPUTS = ("orders", "control")
"""Causes of what the account group writes to `orders`."""

BOOKS = (
    "control",
    "orders",
    "orders.accepted",
    "orders.events",
    "fills",
    "positions",
    "risk.decisions",
)
"""Sums begin with the first record of these; market data may be gone."""

READER_OF = {
    "market.quotes": "symbol-state",
    "market.trades": "symbol-state",
    "market.bars": "symbol-state",
    "orders.accepted": "symbol-state",
    "features": "learner-state",
    "predictions": "strategist-state",
    "orders": "account-state",
    "orders.events": "account-state",
    "fills": "account-state",
}
"""The changelog of the group that reads each topic, partition by partition."""


class Violation(NamedTuple):
    """A broken rule, and the records or figures that show it."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


class Stamp(NamedTuple):
    """Where an output comes from: its cause, and its place among the outputs of that cause.

    cell: the partition of the cell that wrote it.
    """

    cause: Ref
    step: int
    place: int
    of: int
    epoch: int
    cell: int


@dataclass
class History:
    """All committed records, by topic; those of `*-state` topics too. begins: where the log of a partition begins."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    begins: dict[tuple[str, int], int] = field(default_factory=dict)

    def of(self, topic: str) -> list[Record]:
        """The records of a topic, by partition, then offset."""
        return self.records.get(topic, [])

    def messages(
        self, topic: str, refused: Container[Ref] = frozenset()
    ) -> list[tuple[Record, Any]]:
        """The records of a topic with their decoded values, but for those that were refused."""
        decode = topics.BY_NAME[topic].decode
        return [
            (r, decode(r.value))
            for r in self.of(topic)
            if r.value is not None and ref(r) not in refused
        ]

    def refused(self) -> set[Ref]:
        """The origins of all dead letters."""
        return {Ref(*letter.origin) for _, letter in self.messages("dead.letters")}

    def control(self) -> list[tuple[Record, dict[str, Any]]]:
        """The records on `control` as plain objects."""
        return [(r, json.loads(r.value)) for r in self.of("control") if r.value is not None]

    @cached_property
    def progress(self) -> dict[tuple[str, int], dict[str, Any]]:
        """The last progress row of each cell, by changelog and partition."""
        return {
            (state, partition): row
            for state in STATES
            for (partition, _), row in self.rows(state, "progress").items()
        }

    def position(self, state: str, partition: int, topic: str) -> int:
        """The first offset of a topic that a cell has not applied."""
        last = self.progress.get((state, partition), {}).get("last", {}).get(topic)
        return 0 if last is None else int(last["offset"]) + 1

    def applied(self, record: Record) -> bool:
        """Whether the cell that reads a record has applied it."""
        state = READER_OF[record.topic]
        return record.offset < self.position(state, record.partition, record.topic)

    def gone(self, of: Ref) -> bool:
        """Whether a record lay before the beginning of the log as it is now."""
        return of.offset < self.begins.get((of.topic, of.partition), 0)

    def rows(self, state: str, table: str) -> dict[tuple[int, str], dict[str, Any]]:
        """The last value of each row of a table, by partition and key."""
        rows: dict[tuple[int, str], dict[str, Any]] = {}
        for record in self.of(state):
            name, _, key = (record.key or b"").decode().partition("|")
            if name != table:
                continue
            rows.pop((record.partition, key), None)
            if record.value is not None:
                text = record.value if table == "progress" else record.value[1:]
                rows[record.partition, key] = json.loads(text)
        return rows


async def read(brokers: str) -> History:
    """The whole log as it is now, with all that the chunks on `interleaving` wrote.

    Raises TimeoutError when a transaction hangs.
    """
    chunks = topics.INTERLEAVING.name
    names = [topic.name for topic in topics.CATALOGUE if topic.name != chunks]
    records = {chunks: await log.read_all(brokers, chunks)} | {name: [] for name in names}
    async with log.reader(brokers) as consumer:
        places = await log.partitions_of(consumer, names)
        begins = dict(await consumer.beginning_offsets(places))
        ends = await log.settled_ends(brokers, places)
        async for record in log.between(consumer, begins, ends):
            records[record.topic].append(record)
    for found in records.values():
        found.sort(key=lambda record: (record.partition, record.offset))
    return History(records, {(place.topic, place.partition): at for place, at in begins.items()})


def writer(record: Record) -> tuple[str, Stamp] | None:
    """The group whose cell wrote an output, and its stamp; None for what a foreign producer wrote."""
    found = stamp(record)
    if found is None:
        return None
    if record.topic == topics.DEAD_LETTERS.name:
        return str(topics.DEAD_LETTERS.decode(record.value or b"").group), found
    if record.topic == topics.ORDERS.name:  # forwarded by risk, or of the strategist
        return ("account" if found.cause.topic in ACCOUNT_INPUTS else "strategist"), found
    if LANE in (record.value or b""):
        return "learner-heavy", found
    return GROUP_OF[record.topic], found


def ref(record: Record) -> Ref:
    """Where a record lies."""
    return Ref(record.topic, record.partition, record.offset)


def stamp(record: Record) -> Stamp | None:
    """The stamp of an output; None for what a foreign producer wrote."""
    text = dict(record.headers).get("stamp")
    if text is None:
        return None
    topic, *numbers = text.decode().split(":")
    partition, offset, step, place, of, epoch, *cell = map(int, numbers)
    return Stamp(
        Ref(topic, partition, offset), step, place, of, epoch, cell[0] if cell else partition
    )
