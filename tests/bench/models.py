"""P11: what models cost: each version alone, the answers to a vector, the learner's whole step, a swap, a restore.

CPU time. The inline versions share their process with the matching of orders, so theirs is the figure that matters.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator

from agents.cells import HeavyTables, LearnerTables
from agents.fold import Cell
from agents.handler import LogRecord
from agents.learner_tables import MODELS
from agents.routes import heavy, routes
from models.features import FEATURES, VECTOR
from models.online import trees, versions
from models.online.adapter import Online
from streams import codec, topics
from streams.predictions import Alias
from tests.bench.context import Context
from tests.bench.row import Line, Row
from tests.market.drive import MS, START, SYMBOL
from tests.market.vectors import features

EXAMPLES, SMOKE_EXAMPLES = 4_000, 400
WARM = 250
US = 1e6
STEP_MS = 100
CHUNK = 100
LESSONS_NAMED = 100_000
Vector = tuple[float, ...]


def run(context: Context) -> Row:
    """Measures every line once a round."""
    count = SMOKE_EXAMPLES if context.smoke else EXAMPLES
    names = (*versions.INLINE, *versions.HEAVY)
    learning = {name: Line(f"{name}: examples", "/s a core") for name in names}
    answering = {name: Line(f"{name}: predict", "us") for name in names}
    together = Line("inline: all answers to a vector, both models", "us", goal="<= 300")
    step = Line("inline: the whole step of a vector, both models", "us")
    swap = Line("inline: the step that swaps the champion, over others", "x")
    restored = Line("inline: restore of a cell, any number of examples", "ms")
    rebuilt = Line(f"heavy: restore of {LESSONS_NAMED:,} lessons, all versions", "s")
    for turn in range(context.rounds):
        context.say(f"P11: round {turn + 1} of {context.rounds}")
        for name in names:
            predict_us, learn_us = _alone(name, count)
            answering[name].values.append(predict_us)
            learning[name].values.append(US / (predict_us + learn_us))
        together.values.append(
            len(MODELS) * sum(answering[name].values[-1] for name in versions.INLINE)
        )
        cell, step_us = _steps(count)
        step.values.append(step_us)
        swap.values.append(_swap(cell, count) / step_us)
        restored.values.append(_restore_ms(cell))
        rebuilt.values.append(_rebuild_s(count // 4))
    lines = [together, step, swap, restored, rebuilt, *answering.values(), *learning.values()]
    notes = [
        f"vectors of {len(FEATURES)} features, {EXAMPLES:,} a version; a step learns what is known, answers, encodes "
        f"what it writes and seals its tables, {CHUNK} vectors a chunk",
        "an inline cell is restored from its rows, so no example is learned again",
    ]
    title = "models: CPU time of the learner, one symbol"
    return Row("P11", "models", title, lines, notes=notes)


def vectors() -> Iterator[tuple[Vector, bool]]:
    """Vectors near the middle of their clips, and a class that leans on the second."""
    draw = random.Random(5)
    while True:
        values = tuple(draw.gauss(0, 0.02) * (f.high - f.low) for f in FEATURES)
        values = tuple(min(max(v, f.low), f.high) for v, f in zip(values, FEATURES, strict=True))
        yield values, draw.random() < 0.5 + values[1]


def _made(name: str) -> Online:
    return trees.Tree(name, SYMBOL, 0) if name in versions.HEAVY else versions.make(name, b"")


def _alone(name: str, count: int) -> tuple[float, float]:
    """Microseconds of one prediction, and of one lesson."""
    online, given = _made(name), list(itertools.islice(vectors(), count))
    began = time.process_time()
    for values, up in given:
        online.learn(values, up, 1.0, 0)
    between = time.process_time()
    for values, _ in given:
        online.predict(values)
    ended = time.process_time()
    return (ended - between) / count * US, (between - began) / count * US


def _records(count: int, first: int = 0) -> list[LogRecord]:
    mid2, made = 2_000_000, []
    for offset, (values, up) in enumerate(itertools.islice(vectors(), count), first):
        mid2 += 20 if up else -20
        vector = features(offset * STEP_MS, mid2, vector=VECTOR.pack(*values))
        made.append(LogRecord(offset, vector.time // MS, SYMBOL.encode(), codec.encode(vector)))
    return made


def _fold(cell: Cell, topic: str, records: list[LogRecord]) -> float:
    """CPU seconds of a chunk."""
    before = time.process_time()
    chunk = cell.apply([(topic, records)])
    cell.seal(chunk)
    cell.publish()
    return time.process_time() - before


def _steps(count: int) -> tuple[Cell, float]:
    """A cell that has seen so many vectors, and microseconds of one."""
    group = next(group for group in routes(1) if group.name == "learner")
    cell, log, spent = Cell(group, 0, 1), _records(count), 0.0
    for start in range(0, count, CHUNK):
        seconds = _fold(cell, topics.FEATURES.name, log[start : start + CHUNK])
        spent += seconds if start >= WARM else 0.0
    return cell, spent / (count - -(-WARM // CHUNK) * CHUNK) * US


def _swap(cell: Cell, seen: int) -> float:
    """Microseconds of the chunk of one vector that is the first under another champion."""
    at = START + (seen + 10) * STEP_MS * MS
    alias = Alias(MODELS[0].name, 1, versions.QI, at, "promote")
    told = LogRecord(0, 0, alias.model.encode(), codec.encode(alias))
    _fold(cell, topics.ALIAS.name, [told])
    log = _records(11, seen)
    for record in log[:-1]:
        _fold(cell, topics.FEATURES.name, [record])
    return _fold(cell, topics.FEATURES.name, log[-1:]) * US


def _restore_ms(cell: Cell) -> float:
    tables = cell.tables
    assert isinstance(tables, LearnerTables)
    rows = [
        (table.name, key, b"\x01" + codec.encode(value))
        for table in tables.all()
        for key, value in table.items()
    ]
    before = time.process_time()
    again = LearnerTables(0)
    named = {table.name: table for table in again.all()}
    for name, key, value in rows:
        named[name].load(key, value)
    for place, row in again.learners.items():
        for version, kept in row.versions.items():
            again.learners.online(place, version, kept.state)
    return (time.process_time() - before) * 1_000


def _rebuild_s(count: int) -> float:
    cell = Cell(heavy(), 0, 1)
    log = _records(count * 20)[
        ::10
    ]  # a second apart, so that every label is a lesson of the first model
    log = [LogRecord(n, r.timestamp, r.key, r.value) for n, r in enumerate(log)]
    _fold(cell, topics.FEATURES.name, log)
    tables = cell.tables
    assert isinstance(tables, HeavyTables)
    learned = sum(row.lessons for _, row in tables.learners.items())
    return _seconds(lambda: [None for _ in tables.rebuild()]) / learned * LESSONS_NAMED


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
