"""A route group: the inputs, handlers, tables and outputs that one cell (group, partition) owns alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agents.handler import Handler
from streams.state import Table
from streams.topics import Topic


class Tables(Protocol):
    """The tables of one cell, as attributes for its handlers and as a whole for the binding.

    Those whose rows alone do not make a cell have a `rebuild`, an iterator that the binding runs after a restore.
    """

    def all(self) -> tuple[Table[Any], ...]:
        """Every table, once."""


ALIKE = frozenset(
    {"CONTROL_INVALID", "INSTRUMENT_KIND_UNSUPPORTED", "BAD_FIELD", "NOT_JSON", "NULL_VALUE"}
)
"""Reasons for which every cell refuses a broadcast record, since they lie in the record alone."""


@dataclass(frozen=True)
class Input:
    """One input topic, the handlers that see each of its records, in order, and the topics that they write.

    on_error: what an exception of a handler means. `dead_letter`: the record goes to `dead.letters`, the chunk is
    folded again without it. `stop`: nothing of the chunk is committed and the process ends.
    clock_ms: None where the record's time moves the cell's clock. Else how far (ms) it may be ahead of that clock, for
    this record alone: commands come from foreign clocks, which must not age the marks for everyone.
    waits: its records come with the cell's next chunk, at the latest with its next flush: a busy broadcast topic whose
    records seldom lead to outputs is worth no transaction of its own.
    reports: whether this group writes dead letters of the topic; of several groups that read it, one does.
    """

    topic: Topic
    handlers: tuple[Handler, ...]
    outputs: tuple[Topic, ...] = ()
    on_error: Literal["dead_letter", "stop"] = "stop"
    clock_ms: int | None = None
    reports: bool = True
    waits: bool = False

    @property
    def at_once(self) -> bool:
        """A broadcast input whose records are applied when they come."""
        return bool(self.outputs) and not self.waits

    @property
    def broadcast(self) -> bool:
        """Read in full by every cell of the group."""
        return self.topic.copartition == "broadcast"

    def tells(self, reason: str, partition: int) -> bool:
        """Whether the cell of that partition writes the dead letter of a record it refused.

        What every cell refuses alike, the first one reports; what only its owner can refuse, the owner does.
        """
        return self.reports and (not self.broadcast or partition == 0 or reason not in ALIKE)


def nothing_to_prove(tables: Any) -> None:
    """For groups without money."""


Counts = Mapping[tuple[str, tuple[str, ...]], int]
"""By (name of a counter, its labels): how much it grows."""


def nothing_to_count(tables: Any) -> Counts:
    """For groups whose outputs tell all that happened."""
    return {}


@dataclass(frozen=True)
class Group:
    """One line of the system: inputs -> handlers over tables -> outputs, and the changelog of the tables.

    tables: the partition of a cell -> its tables, empty. prove: raises where what a chunk has changed in them does not
    add up, before anything of it is committed. counts: what happened in a chunk that no output tells. loads: a module
    that its handlers need and that takes long to import; other groups are at work meanwhile. slice_records: after so
    many a live cell lets the event loop see to the network.
    """

    name: str
    inputs: tuple[Input, ...]
    tables: Callable[[int], Tables]
    changelog: Topic
    prove: Callable[[Any], None] = nothing_to_prove
    counts: Callable[[Any], Counts] = nothing_to_count
    loads: str = ""
    slice_records: int = 500

    @property
    def outputs(self) -> tuple[Topic, ...]:
        """All topics that its handlers write, each once."""
        return tuple(dict.fromkeys(topic for source in self.inputs for topic in source.outputs))

    def input(self, topic: str) -> Input:
        """The input of that topic."""
        return next(source for source in self.inputs if source.topic.name == topic)
