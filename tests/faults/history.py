"""What a run left in the log, read as any foreign consumer would: read_committed, by topic, partition and offset."""

import json
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams import log, topics
from streams.ids import Ref
from streams.log import Record

STATES = ("symbol-state", "learner-state", "strategist-state", "account-state")
GROUP_OF = {
    "market.marks": "symbol",
    "features": "symbol",
    "orders.events": "symbol",
    "fills": "symbol",
    "strategy.fills": "symbol",
    "predictions": "learner",
    "labels": "learner",
    "risk.decisions": "account",
    "orders.accepted": "account",
    "positions": "account",
}
"""The one group that writes each topic; dead letters name theirs, `orders` has other producers too."""


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
    """All committed records, by topic; those of `*-state` topics too."""

    records: dict[str, list[Record]] = field(default_factory=dict)

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
    """The whole log as it is now."""
    names = [topic.name for topic in topics.CATALOGUE]
    return History({name: await log.read_all(brokers, name) for name in names})


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
