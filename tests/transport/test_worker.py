"""One worker on a real broker: it starts, stops, continues, and refuses what is not as it should be."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.exits import Exit
from tests.faults import cluster
from tests.faults.pair import MODULE
from tests.faults.workers import Worker
from tests.transport import outcome
from tests.transport.conftest import MakeWorker
from tests.transport.records import put_quotes as quotes

pytestmark = pytest.mark.kafka


def test_a_worker_applies_what_is_there_and_stops_clean(brokers: str, worker: MakeWorker) -> None:
    cluster.put(brokers, quotes(0, 20_000))
    w = worker()
    cluster.until_applied(["market.quotes"], w)
    assert w.stop(5) == Exit.CLEAN
    assert outcome.check(brokers) == 2_000


def test_a_stopped_worker_goes_on_where_it_was(brokers: str, worker: MakeWorker) -> None:
    w = worker()
    for part in range(3):
        cluster.put(brokers, quotes(part * 1_000, (part + 1) * 1_000))
        cluster.until_applied(["market.quotes"], w)
        assert w.stop(5) == Exit.CLEAN
        assert outcome.check(brokers) == (part + 1) * 100
        w.start()


def test_sigterm_under_load_commits_the_chunk_and_exits_clean(
    brokers: str, worker: MakeWorker
) -> None:
    cluster.put(brokers, quotes(0, 60_000))
    w = worker(settings={"HEADRACE_CHUNK_RECORDS": "500"})
    w.until_it_says("demo committed")
    started = time.monotonic()
    assert w.stop(5) == Exit.CLEAN
    assert time.monotonic() - started < 5
    applied = sum(row["quotes"] for row in outcome.last_values(brokers).values())
    assert 0 < applied < 60_000
    w.start()
    cluster.until_applied(["market.quotes"], w)
    assert outcome.check(brokers) == 6_000


def test_the_worker_refuses_to_start_without_its_topics(brokers: str, tmp_path: Path) -> None:
    cluster.delete(brokers, ["features", "symbol-state"])
    with Worker(MODULE, brokers, tmp_path) as w:
        assert w.wait(60) == Exit.CHECK_FAILED
        assert "topic features: is missing, should be present; run `headrace topics" in w.text()
        assert "topic symbol-state: is missing, should be present" in w.text()


def test_the_worker_says_that_no_broker_answers(tmp_path: Path) -> None:
    with Worker(MODULE, "127.0.0.1:1", tmp_path) as w:
        assert w.wait(60) == Exit.NO_BROKER
        assert "no broker answers at 127.0.0.1:1" in w.text()


LATE = """
from agents.app import build, run
from agents.meter import ProcessMeter
from agents.metrics import Metrics
from agents.observe import observer
from agents.routes import routes
from streams.settings import Settings

meter = ProcessMeter(Metrics())
run(build(Settings(brokers="127.0.0.1:1"), routes(2), observer(meter), meter))
"""


def test_a_broker_that_goes_away_between_check_and_start_ends_the_worker_with_a_reason() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=60)
    assert done.returncode == Exit.NO_BROKER
    assert "a service found no broker: KafkaConnectionError" in done.stderr


def test_a_log_that_has_lost_what_is_next_stops_the_worker(
    brokers: str, worker: MakeWorker
) -> None:
    cluster.put(brokers, quotes(0, 1_000))
    w = worker()
    cluster.until_applied(["market.quotes"], w)
    assert w.stop(5) == Exit.CLEAN
    cluster.put(brokers, quotes(1_000, 3_000))
    cluster.delete_records(brokers, "market.quotes", 2, before=500)
    w.start()
    assert w.wait(20) == Exit.LOG_CHANGED
    w.start()
    assert w.wait(20) == Exit.LOG_CHANGED


def test_a_topic_that_was_made_anew_stops_the_worker(brokers: str, worker: MakeWorker) -> None:
    cluster.put(brokers, quotes(0, 1_000))
    w = worker()
    cluster.until_applied(["market.quotes"], w)
    assert w.stop(5) == Exit.CLEAN
    cluster.delete(brokers, ["market.quotes"])
    cluster.apply(brokers)
    cluster.put(brokers, quotes(1_000, 1_100))
    w.start()
    assert w.wait(20) == Exit.LOG_CHANGED
