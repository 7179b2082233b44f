"""The backtest is the live engine: the same records in the same order make the same bytes, whatever a chunk holds."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from agents.backtest import Backtest, Source
from agents.fold import Cell, Sent
from agents.routes import routes
from api.replay.hashes import Hashes, Stream, Written
from api.replay.stretch import CellName
from streams.gather import Place
from tests.faults.cluster import PARTITIONS
from tests.faults.dict_system import DictSystem
from tests.replay import sources

ROOT = Path(__file__).parents[2]
Line = tuple[bytes, bytes, int, bytes]


class Outputs:
    """What a backtest wrote, by topic partition."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self.hashes = Hashes()

    def __call__(self, cell: Cell, sent: Sent, offset: int) -> None:
        written = self.lines[sent.topic, sent.partition]
        assert offset == len(written)
        written.append((sent.key, sent.value, sent.timestamp_ms, sent.stamp))
        stream = Stream(CellName(cell.group.name, cell.partition), sent.topic, sent.partition)
        self.hashes.add(stream, Written(sent.key, sent.value, sent.timestamp_ms, sent.stamp))


def run(records: Iterable[Source], seal: int = 5_000) -> Outputs:
    outputs = Outputs()
    Backtest(routes(PARTITIONS), PARTITIONS, outputs, seal).run(records)
    return outputs


class WithoutMarkers(DictSystem):
    """Offsets without gaps."""

    def _mark(self, written: Iterable[Place]) -> None:
        pass


def test_it_writes_what_the_engine_in_lockstep_writes_record_by_record() -> None:
    puts = sources.mixed(rounds=8)
    system = WithoutMarkers(routes(PARTITIONS), PARTITIONS, most=1)
    for put in puts:
        system.put([put])
        system.run()
    history, outputs = system.history(), run(sources.of(puts))
    written = {topic for topic, _ in outputs.lines}
    assert written >= {"market.marks", "orders.accepted", "fills", "positions", "dead.letters"}
    for (topic, partition), lines in outputs.lines.items():
        theirs = [
            (r.key, r.value, r.timestamp_ms, dict(r.headers)["stamp"])
            for r in history.of(topic)
            if r.partition == partition
        ]
        assert lines == theirs, topic


@pytest.mark.parametrize("seal", [1, 7])
def test_a_chunk_size_gives_the_hashes_of_5000(seal: int) -> None:
    puts = sources.mixed()
    small, large = run(sources.of(puts), seal), run(sources.of(puts))
    assert small.hashes.by_partition() == large.hashes.by_partition()
    assert len(large.lines["fills", 0]) > 5


@pytest.mark.parametrize("stop", [1, 500, 1_500])
def test_a_run_that_is_stopped_and_resumed_gives_the_hashes_of_one_that_is_not(stop: int) -> None:
    records = [*sources.of(sources.mixed())]
    whole, parts = run(records), Outputs()
    first = Backtest(routes(PARTITIONS), PARTITIONS, parts)
    first.run(records[:stop])
    first.seal()
    second = Backtest(routes(PARTITIONS), PARTITIONS, parts)
    second.restore(first.state())
    second.run(records[stop:])
    assert second.sources == len(records)
    assert parts.hashes.by_partition() == whole.hashes.by_partition()


def test_another_hash_seed_of_python_gives_the_same_hashes() -> None:
    words = (
        "from tests.replay.test_backtest import *;"
        "print(run(sources.of(sources.mixed(rounds=3))).hashes.by_partition())"
    )
    told = subprocess.run(
        [sys.executable, "-c", words],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "42"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert told.strip() == str(run(sources.of(sources.mixed(rounds=3))).hashes.by_partition())


def test_no_records_make_no_outputs() -> None:
    assert run([]).lines == {}
