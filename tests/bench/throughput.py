"""P1: how fast each contender reads the same quotes into the same state, interleaved, against the raw loop."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from streams.local import LocalKafka
from tests.bench.contenders import CONTENDERS, SUBJECT, YARDSTICK, Contender, NotRun, measure
from tests.bench.context import Context
from tests.bench.load import load
from tests.bench.result import Digest, Task
from tests.bench.row import Line, Row

UNIT = "events/s"
TOPIC = "bench.quotes"
KEYS = 50


@contextmanager
def broker(context: Context) -> Iterator[str]:
    """The address of the broker given, or of one started for this row and stopped after it."""
    if context.broker:
        yield context.broker
    else:
        with LocalKafka(context.directory / "kafka") as kafka:
            yield kafka.bootstrap


def prepared(context: Context) -> list[tuple[Contender, Line]]:
    """Every contender with its empty line; one whose runtime cannot be had has the reason in it."""
    pairs = []
    for contender in CONTENDERS:
        context.say(f"preparing {contender.name}")
        line = Line(contender.name, UNIT, not_run=contender.prepare(), goal=contender.goal)
        pairs.append((contender, line))
    return pairs


class Race:
    """The rounds of one row; remembers the state that the yardstick reached, to hold the others to it."""

    def __init__(self, context: Context, given: Task) -> None:
        self.context = context
        self.given = given
        self.states: dict[int, Digest] = {}

    def lap(self, contender: Contender, line: Line) -> None:
        """One run of one contender; a failure ends its part in the race."""
        try:
            result = measure(contender, self.given, self.context.directory)
        except NotRun as reason:
            line.not_run = str(reason)
        else:
            if result.state and self.states.setdefault(result.events, result.state) != result.state:
                line.not_run = f"its state differs from that of the {YARDSTICK}: {result.state}"
            line.values.append(result.events / result.seconds)
        self.context.say(f"{line.name}: {line.not_run or f'{line.values[-1]:,.0f} {UNIT}'}")

    def run(self, pairs: list[tuple[Contender, Line]]) -> list[float]:
        """All rounds, A B C A B C. Returns the load average at the start of each."""
        loads = []
        for number in range(1, self.context.rounds + 1):
            loads.append(os.getloadavg()[0])
            self.context.say(f"round {number} of {self.context.rounds}")
            for contender, line in pairs:
                if not line.not_run:
                    self.lap(contender, line)
        return loads


def run(context: Context) -> Row:
    """Fills a topic and lets all contenders read it in turns."""
    pairs = prepared(context)
    with broker(context) as address:
        topic = f"{TOPIC}.{os.getpid()}"
        context.say(f"writing {context.events:,} quotes")
        asyncio.run(load(address, topic, context.events, KEYS))
        loads = Race(context, Task(address, topic, context.events)).run(pairs)
    return Row(
        code="P1",
        name="throughput",
        title=f"{context.events:,} JSON quotes, {KEYS} symbols, one partition, three numbers of state a symbol",
        lines=[line for _, line in pairs],
        yardstick=YARDSTICK,
        subject=SUBJECT,
        loads=loads,
        notes=[f"{each.name}: 1/{each.share} of the events" for each, _ in pairs if each.share > 1],
    )
