"""Two workers under load, one killed and started again: what they wrote is what a replay of the record writes."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.routes import routes
from api.cli import app
from api.replay import proof
from api.replay.logs import KafkaLog
from api.replay.proof import Proof
from api.verify.history import History
from api.verify.rules import check
from streams.local import LocalKafka
from tests.faults import cluster, crash
from tests.faults.load import Load
from tests.faults.pair import Pair

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.timeout(300)]

LOAD_S = 2.0


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, History]]:
    """A broker with all that two workers left on it: one of them was killed at its work."""
    directory = tmp_path_factory.mktemp("lived")
    with LocalKafka(directory / "kafka") as broker:
        brokers = broker.bootstrap
        cluster.empty_topics(brokers)
        pair, load = Pair(brokers, directory, app="replayed"), Load(brokers, seed=11)
        with pair, pair.supervised():
            with load.running():
                pair.steps()
                time.sleep(LOAD_S)
                pair.workers[0].signal(signal.SIGKILL)
                time.sleep(LOAD_S)
            history = crash._at_rest(pair, brokers)
        yield brokers, history


def prove(brokers: str) -> Proof:
    groups = routes(cluster.PARTITIONS)
    return asyncio.run(proof.prove(KafkaLog(brokers), groups, cluster.PARTITIONS))


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


def test_the_command_finds_that_everything_holds_and_writes_what_it_counted(
    lived: tuple[str, History], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_PARTITIONS", str(cluster.PARTITIONS))
    report = tmp_path / "verdict.json"
    words = ["verify", "--at-rest", "--brokers", lived[0], "--data", str(tmp_path)]
    ended = CliRunner().invoke(app, [*words, "--report", str(report)])
    assert ended.exit_code == 0, ended.output
    told = json.loads(report.read_text())
    assert told["holds"]
    assert told["violations"] == told["unverifiable"] == []
    assert told["replay"]["sha256"] == told["replay"]["sha256_replayed"]
    assert told["records"]["fills"] == len(lived[1].of("fills"))
