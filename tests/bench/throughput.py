"""P1: how fast each contender reads the same ticks into the same state, interleaved, against the raw loop."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from streams.local import LocalKafka
from tests.bench.contenders import CONTENDERS, SUBJECT, YARDSTICK, Contender, NotRun, measure
from tests.bench.context import Context
from tests.bench.load import KEYS, load
from tests.bench.result import Digest, Result, Task
from tests.bench.row import Line, Row

UNIT = "events/s"
Entry = tuple[Contender, Line]


@contextmanager
def broker(context: Context) -> Iterator[str]:
    """The address of the broker given, or of one started for this row and stopped after it."""
    if context.broker:
        yield context.broker
    else:
        with LocalKafka(context.directory / "kafka") as kafka:
            yield kafka.bootstrap


def prepared(context: Context) -> list[Entry]:
    """Every contender with its empty line; one whose runtime cannot be had has the reason in it."""
    pairs = []
    for contender in CONTENDERS:
        context.say(f"preparing {contender.name}")
        line = Line(
            contender.name,
            UNIT,
            not_run=contender.prepare(),
            goal=contender.goal,
            yardstick=contender.yardstick,
        )
        pairs.append((contender, line))
    return pairs


def loaded(context: Context, address: str, pairs: list[Entry]) -> str:
    """Fills the topics of every dataset as far as it is read; returns the prefix of their names."""
    prefix = f"bench-{os.getpid()}-"
    for dataset in dict.fromkeys(each.dataset for each, _ in pairs):
        share = min(each.share for each, _ in pairs if each.dataset is dataset)
        events = context.events // share
        context.say(f"writing {events:,} ticks: {dataset.name}")
        asyncio.run(load(address, prefix, dataset, events))
    return prefix


class Race:
    """The rounds of one row; remembers the state that the first of a dataset reached, to hold the others to it."""

    def __init__(self, context: Context, address: str, prefix: str) -> None:
        self.context = context
        self.address = address
        self.prefix = prefix
        self.states: dict[tuple[str, int], Digest] = {}
        self.notes: dict[str, str] = {}

    def lap(self, contender: Contender, line: Line) -> None:
        """One run of one contender; a failure ends its part in the race."""
        topics = contender.dataset.names(self.prefix)
        given = Task(self.address, ",".join(topics), self.context.events)
        try:
            result = measure(contender, given, self.context.directory)
        except NotRun as reason:
            line.not_run = str(reason)
        else:
            line.not_run = self.differs(contender, result)
            line.values.append(result.events / result.seconds)
            if result.transactions:
                self.notes[contender.name] = shape(contender, result)
        self.context.say(f"{line.name}: {line.not_run or f'{line.values[-1]:,.0f} {UNIT}'}")

    def differs(self, contender: Contender, result: Result) -> str:
        """In what the state differs from that of the first contender on the same ticks; "" if in nothing."""
        if result.state is None:
            return ""
        first = self.states.setdefault((contender.dataset.name, result.events), result.state)
        return "" if result.state.agrees(first) else f"its state {result.state} is not {first}"

    def run(self, pairs: list[Entry]) -> list[float]:
        """All rounds, A B C A B C. Returns the load average at the start of each."""
        loads = []
        for number in range(1, self.context.rounds + 1):
            loads.append(os.getloadavg()[0])
            self.context.say(f"round {number} of {self.context.rounds}")
            for contender, line in pairs:
                if not line.not_run:
                    self.lap(contender, line)
        return loads


def shape(contender: Contender, result: Result) -> str:
    """What the engine made of its inputs."""
    outputs = result.outputs / result.events
    size = result.events / result.transactions
    return f"{contender.name}: {outputs:.3g} outputs an input, {size:,.0f} inputs a transaction"


def run(context: Context) -> Row:
    """Fills the topics and lets all contenders read them in turns."""
    pairs = prepared(context)
    with broker(context) as address:
        race = Race(context, address, loaded(context, address, pairs))
        loads = race.run(pairs)
    shares = [f"{each.name}: 1/{each.share} of the events" for each, _ in pairs if each.share > 1]
    return Row(
        code="P1",
        name="throughput",
        title=f"{context.events:,} JSON quotes, {KEYS} symbols, one partition",
        lines=[line for _, line in pairs],
        yardstick=YARDSTICK,
        subject=SUBJECT,
        loads=loads,
        notes=[
            "all but the engine keep three numbers a symbol; the engine runs its whole symbol group, four orders "
            "resting on each symbol, and its clock stops at the last commit",
            "all read quotes alone, 200 a second of event time and symbol, unless the line says otherwise",
            *race.notes.values(),
            *shares,
        ],
    )
