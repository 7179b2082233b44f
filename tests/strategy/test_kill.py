"""A strategy's worker killed at random points: its orders are neither lost nor doubled, and it remembers everything."""

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.fold import Cell
from agents.handler import LogRecord
from agents.routes import routes
from streams import codec, control, log
from streams.local import LocalKafka
from streams.log import Record
from tests.faults import cluster
from tests.faults.cluster import PARTITIONS
from tests.faults.workers import Worker
from tests.market.drive import instrument
from tests.strategy.seat import prediction

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.timeout(600)]

STRATEGY = "tests.strategy.own:Counter"
KILLS = int(os.environ.get("HEADRACE_KILLS", "10"))
LIVES_S = (2.0, 5.0)
STEP_MS = 500
PER_S = 200.0
SYMBOLS = tuple(f"{base}USDT.BINANCE_SPOT" for base in ("BTC", "ETH", "SOL", "DOGE", "ADA", "XRP"))
GROUP = next(g for g in routes(PARTITIONS, 1, STRATEGY) if g.name == "strategist")


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        cluster.empty_topics(kafka.bootstrap)
        yield kafka.bootstrap


def instruments() -> list[tuple[str, str, bytes, int]]:
    records = [control.InstrumentRecord(instrument=instrument(symbol)) for symbol in SYMBOLS]
    return [("control", control.key(r), control.encode(r), 0) for r in records]


def predictions(count: int) -> list[tuple[str, str, bytes, int]]:
    """Of all symbols in turn, some of them unsure; `count` of each."""
    made = [
        prediction(step * STEP_MS, None if step % 7 == 3 else 0.6, symbol=symbol)
        for step in range(count)
        for symbol in SYMBOLS
    ]
    return [("predictions", each.symbol, codec.encode(each), each.time // 10**6) for each in made]


def read(brokers: str, topic: str) -> list[Record]:
    return asyncio.run(log.read_all(brokers, topic))


def entries(records: list[Record], partition: int) -> list[LogRecord]:
    return [
        LogRecord(r.offset, r.timestamp_ms, r.key, r.value)
        for r in records
        if r.partition == partition
    ]


def uninterrupted(brokers: str, partition: int) -> tuple[Cell, list[bytes]]:
    """The cell after one fold over all that it was sent, and its orders."""
    cell = Cell(GROUP, partition, PARTITIONS)
    runs = [
        ("control", entries(read(brokers, "control"), 0)),
        ("predictions", entries(read(brokers, "predictions"), partition)),
    ]
    chunk = cell.apply([run for run in runs if run[1]])
    cell.seal(chunk)
    cell.publish()
    return cell, [sent.value for sent in chunk.outputs if sent.topic == "orders"]


def restored(brokers: str, partition: int) -> Cell:
    cell = Cell(GROUP, partition, PARTITIONS)
    for record in read(brokers, GROUP.changelog.name):
        if record.partition == partition:
            cell.restore(record.key or b"", record.value)
    return cell


def memories(cell: Cell) -> dict[str, object]:
    tables = {table.name: table for table in cell.tables.all()}
    return dict(tables["memories"].items())


def test_a_strategy_that_is_killed_goes_on_where_it_was(broker: str, tmp_path: Path) -> None:
    draw = random.Random(5)
    lives = [draw.uniform(*LIVES_S) for _ in range(KILLS)]
    puts = predictions(int(sum(lives) * PER_S / len(SYMBOLS)))
    cluster.put(broker, instruments())
    settings = {
        "HEADRACE_ONLY": GROUP.name,
        "HEADRACE_PARTITIONS": str(PARTITIONS),
        "HEADRACE_STRATEGY": STRATEGY,
    }
    feeding = threading.Thread(target=lambda: asyncio.run(cluster.put_async(broker, puts, PER_S)))
    with Worker("-m api.cli worker", broker, tmp_path, settings=settings) as worker:
        feeding.start()
        for life in lives:
            time.sleep(life)
            worker.kill()
            worker.start()
        feeding.join()
        expected = [uninterrupted(broker, partition) for partition in range(PARTITIONS)]
        settled(broker, [cell for cell, _ in expected], worker)
    sent = read(broker, "orders")
    for partition, (cell, orders) in enumerate(expected):
        mine = [record.value or b"" for record in sent if source(record.value) == partition]
        assert mine == orders
        assert memories(restored(broker, partition)) == memories(cell)
    assert len(sent) > len(puts) / 2
    assert any(memories(cell) for cell, _ in expected)


def source(order: bytes | None) -> int:
    """The partition of the prediction that led to an order, by its name."""
    return int(json.loads(order or b"")["client_order_id"].split(":")[2])


def settled(brokers: str, expected: list[Cell], worker: Worker) -> None:
    """Wait until every cell has applied all predictions."""
    ends = [cell.progress.next("predictions") for cell in expected]
    deadline = time.monotonic() + 120
    while [restored(brokers, p).progress.next("predictions") for p in range(PARTITIONS)] != ends:
        assert time.monotonic() < deadline, f"it does not catch up:\n{worker.text()[-2_000:]}"
        time.sleep(1)
