"""The whole system in lockstep on a broker writes, to the byte and the offset, what its routes write over dicts."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.routes import routes
from api.verify import history
from api.verify.history import History
from api.verify.rules import check
from streams import lag, topics
from streams.exits import Exit
from streams.local import LocalKafka
from tests.faults import cluster
from tests.faults.commands import fixed_rounds
from tests.faults.crash import INPUTS
from tests.faults.dict_system import DictSystem
from tests.faults.pair import MODULE
from tests.faults.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

ROUNDS, COMMANDS, CHUNK = 4, 40, 60


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of the module's own."""
    with LocalKafka(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.bootstrap


def over_dicts() -> History:
    system = DictSystem(routes(cluster.PARTITIONS), cluster.PARTITIONS, CHUNK)
    for puts in fixed_rounds(7, ROUNDS, COMMANDS):
        system.put(puts)
        system.run()
    return system.history()


async def on_a_broker(worker: Worker) -> History:
    names = [topic.name for topic in topics.CATALOGUE]
    async with lag.watch(worker.brokers, worker.app, INPUTS, names) as watched:
        for puts in fixed_rounds(7, ROUNDS, COMMANDS):
            await cluster.put_at_once(worker.brokers, puts)
            await asyncio.sleep(0.5)  # control is no input that a group commits
            while not await watched.at_rest():
                assert worker.running(), worker.text()[-2000:]
                await asyncio.sleep(0.2)
    return await history.read(worker.brokers)


def test_a_lockstep_run_equals_the_run_over_dicts(brokers: str, tmp_path: Path) -> None:
    cluster.empty_topics(brokers)
    settings = {"HEADRACE_LOCKSTEP": "true", "HEADRACE_CHUNK_RECORDS": str(CHUNK)}
    with Worker(MODULE, brokers, tmp_path, settings=settings) as worker:
        live = asyncio.run(on_a_broker(worker))
        assert worker.stop(10) == Exit.CLEAN
    expected = over_dicts()
    for topic in topics.CATALOGUE:
        assert live.of(topic.name) == expected.of(topic.name), topic.name
    assert check(live) == []
    assert len(live.of("fills")) > 20
