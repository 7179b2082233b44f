"""Two workers under load, one killed and started again: what they wrote is what a replay of the record writes."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from agents.routes import routes
from api.replay import live, proof
from api.replay.proof import Proof
from streams import log
from streams.local import LocalKafka
from streams.log import Record
from tests.faults import cluster, crash
from tests.faults.check import check
from tests.faults.history import STATES, History
from tests.faults.load import Load
from tests.faults.pair import Pair

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

LOAD_S = 2.0
Tamper = Callable[[list[Record]], None]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, History]]:
    """A broker with all that two workers left on it: one of them was killed at its work, twice."""
    directory = tmp_path_factory.mktemp("lived")
    with LocalKafka(directory / "kafka") as broker:
        brokers = broker.bootstrap
        cluster.empty_topics(brokers)
        pair, load = Pair(brokers, directory, app="replayed"), Load(brokers, seed=11)
        with pair, pair.supervised():
            with load.running():
                pair.steps()
                for worker in pair.workers:
                    time.sleep(LOAD_S / 2)
                    worker.signal(signal.SIGKILL)
                    pair.steps()
                time.sleep(LOAD_S / 2)
            history = crash._at_rest(pair, brokers)
        yield brokers, history


def prove(brokers: str, since_ms: int | None = None, until_ms: int | None = None) -> Proof:
    groups = routes(cluster.PARTITIONS)
    return asyncio.run(proof.prove(brokers, groups, cluster.PARTITIONS, since_ms, until_ms))


def test_a_replay_of_two_workers_with_kills_writes_every_byte_again(
    lived: tuple[str, History],
) -> None:
    brokers, history = lived
    found = prove(brokers)
    assert [str(each) for each in found.differences] == []
    assert found.equal
    assert check(history) == []
    written = {name.partition("[")[0] for name in found.sha256}
    assert written >= {"market.marks", "fills", "positions", "account-state", "risk.decisions"}
    assert found.records > 1_000
    assert {record.value for record in history.of("fills")}


def test_a_stretch_in_the_middle_is_replayed_from_the_state_at_its_beginning(
    lived: tuple[str, History],
) -> None:
    brokers, history = lived
    times = sorted(record.timestamp_ms for record in history.of("market.quotes"))
    found = prove(brokers, times[len(times) // 3], times[2 * len(times) // 3])
    assert found.equal
    applied = sum(
        row["step"] for state in STATES for row in history.rows(state, "progress").values()
    )
    assert 0 < found.steps < applied


def test_a_range_in_which_nothing_happened_is_empty_and_equal(
    lived: tuple[str, History],
) -> None:
    found = prove(lived[0], 0, 1)
    assert (found.steps, found.records, found.equal) == (0, 0, True)


def first_fill(records: list[Record]) -> int:
    return next(i for i, record in enumerate(records) if record.topic == "fills")


def lose_a_fill(records: list[Record]) -> None:
    del records[first_fill(records)]


def double_a_fill(records: list[Record]) -> None:
    records.insert(first_fill(records), records[first_fill(records)])


def change_a_byte(records: list[Record]) -> None:
    number = first_fill(records)
    value = bytearray(records[number].value or b"")
    value[-3] ^= 1
    records[number] = records[number]._replace(value=bytes(value))


@pytest.mark.parametrize("tamper", [lose_a_fill, double_a_fill, change_a_byte])
def test_a_fill_that_was_tampered_with_is_found_and_shown_from_both_sides(
    lived: tuple[str, History], tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = log.between

    async def tampered(*arguments: Any) -> AsyncIterator[Record]:
        records = [record async for record in between(*arguments)]
        tamper(records)
        for record in records:
            yield record

    monkeypatch.setattr(live, "log", _With(log, between=tampered))
    found = prove(lived[0])
    assert not found.equal
    (difference,) = found.differences
    assert difference.stream.topic == "fills"
    assert difference.number == (1 if tamper is double_a_fill else 0)
    assert difference.live != difference.replayed


class _With:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **names: Any) -> None:
        self.__dict__.update(vars(module) | names)
