"""A broker that goes away: its workers end with a code that a restart mends."""

import pytest

from streams.exits import Exit
from streams.local import LocalKafka
from tests.faults import cluster
from tests.transport import outcome
from tests.transport.conftest import MakeWorker
from tests.transport.records import put_quotes

pytestmark = [pytest.mark.kafka, pytest.mark.crash]

QUOTES = "market.quotes"
MENDED_BY_A_RESTART = {Exit.FENCED, Exit.TRANSACTION, Exit.NO_BROKER, Exit.STALLED}


def test_a_worker_ends_in_a_long_outage_and_the_next_one_goes_on(
    broker: LocalKafka, brokers: str, worker: MakeWorker
) -> None:
    cluster.put(brokers, put_quotes(0, 30_000))
    w = worker(settings={"HEADRACE_CHUNK_RECORDS": "200"})
    w.until_it_says("demo committed")
    broker.kill()
    assert w.wait(100) in MENDED_BY_A_RESTART
    broker.start()
    w.start()
    cluster.until_applied([QUOTES], w)
    assert outcome.check(brokers) == 3_000
