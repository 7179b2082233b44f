"""Learners killed at random points: examples are neither lost nor doubled, and every state is the uninterrupted one."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.fold import Cell
from agents.group import Group
from agents.handler import LogRecord
from agents.routes import heavy, routes
from models.folding import HeavyTable
from models.online import versions
from models.online.trees import Tree
from streams import codec, log, topics
from streams.local import LocalKafka
from tests.faults import cluster
from tests.faults.cluster import PARTITIONS
from tests.faults.workers import Worker
from tests.market.vectors import walk

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.timeout(900)]

SYMBOLS = ("BTC/USD.SIM", "ETH/USD.SIM", "DOGE/USD.SIM")
KILLS = int(os.environ.get("HEADRACE_KILLS", "20"))
LIVES_S = (3.0, 8.0)
"""From start to kill: some are killed before they are ready, some while they learn again, some at work."""

VECTORS = 1_500
WRITTEN = (topics.PREDICTIONS, topics.LABELS, topics.EXAMPLES)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.bootstrap


def feed(brokers: str, seconds: float) -> threading.Thread:
    """The vectors of all symbols at an even pace."""
    walks = [walk(VECTORS, seed, step_ms=400) for seed, _ in enumerate(SYMBOLS)]
    mixed = [
        msgspec.structs.replace(vector, symbol=symbol)
        for each in zip(*walks, strict=True)
        for symbol, vector in zip(SYMBOLS, each, strict=True)
    ]
    puts = [
        (topics.FEATURES.name, each.symbol, codec.encode(each), each.time // 1_000_000)
        for each in mixed
    ]
    pace = len(puts) / seconds
    feeding = threading.Thread(target=lambda: asyncio.run(cluster.put_async(brokers, puts, pace)))
    feeding.start()
    return feeding


def read(brokers: str, topic: str, partition: int) -> list[Any]:
    records = asyncio.run(log.read_all(brokers, topic))
    return [record for record in records if record.partition == partition]


def uninterrupted(
    brokers: str, group: Group, partition: int
) -> tuple[Cell, list[tuple[str, bytes]]]:
    """The cell after one fold over all vectors of its partition, and what it has written."""
    cell = Cell(group, partition, PARTITIONS)
    log_ = [
        LogRecord(r.offset, r.timestamp_ms, r.key, r.value)
        for r in read(brokers, topics.FEATURES.name, partition)
    ]
    if not log_:
        return cell, []
    chunk = cell.apply([(topics.FEATURES.name, log_)])
    cell.seal(chunk)
    cell.publish()
    return cell, [(sent.topic, sent.value) for sent in chunk.outputs]


def restored(brokers: str, group: Group, partition: int) -> Cell:
    cell = Cell(group, partition, PARTITIONS)
    for record in read(brokers, group.changelog.name, partition):
        cell.restore(record.key, record.value)
    return cell


@pytest.mark.parametrize("lane", ["inline", "heavy"])
def test_kills_at_random_points_change_no_byte(lane: str, broker: str, tmp_path: Path) -> None:
    group = heavy() if lane == "heavy" else next(g for g in routes(1) if g.name == "learner")
    cluster.empty_topics(broker)
    draw = random.Random(21)
    lives = [draw.uniform(*LIVES_S) for _ in range(KILLS)]
    settings = {"HEADRACE_ONLY": group.name, "HEADRACE_PARTITIONS": str(PARTITIONS)}
    feeding = feed(broker, sum(lives))
    worker = Worker("-m api.cli worker", broker, tmp_path, settings=settings)
    with worker:
        for life in lives:
            time.sleep(life)
            worker.kill()
            worker.start()
        feeding.join()
        expected = [uninterrupted(broker, group, partition) for partition in range(PARTITIONS)]
        settled(broker, group, expected, worker)
    for partition, (cell, outputs) in enumerate(expected):
        for topic in WRITTEN:
            wanted = [value for name, value in outputs if name == topic.name]
            assert [r.value for r in read(broker, topic.name, partition)] == wanted, topic.name
        again = restored(broker, group, partition)
        for one, other in zip(again.tables.all(), cell.tables.all(), strict=True):
            assert dict(one.items()) == dict(other.items()), one.name
        assert state_hashes(again) == state_hashes(cell)
    assert sum(len(outputs) for _, outputs in expected) > 2 * len(SYMBOLS) * VECTORS


def settled(brokers: str, group: Group, expected: list[tuple[Cell, Any]], worker: Worker) -> None:
    """Wait until every cell has applied all vectors."""
    ends = [cell.progress.next(topics.FEATURES.name) for cell, _ in expected]
    deadline = time.monotonic() + 240
    while True:
        cells = [restored(brokers, group, partition) for partition in range(PARTITIONS)]
        if [cell.progress.next(topics.FEATURES.name) for cell in cells] == ends:
            return
        assert time.monotonic() < deadline, f"it does not catch up:\n{worker.text()[-2_000:]}"
        time.sleep(1)


def state_hashes(cell: Cell) -> dict[tuple[str, str], str]:
    """Of every heavy version: what it answers to the golden vectors."""
    tables: Any = cell.tables
    if not isinstance(tables.learners, HeavyTable):
        return {}
    found = {}
    for place, row in tables.learners.items():
        for version in versions.HEAVY:
            online = tables.learners.online(place, version, row.kept(version).state)
            assert isinstance(online, Tree)
            found[place, version] = online.state_hash()
    return found
