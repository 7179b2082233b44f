"""Partitions that move between workers: every input is applied exactly once, whoever had it."""

import asyncio
import re
import signal
import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from streams.exits import Exit
from tests.faults import cluster
from tests.faults.pair import FENCED
from tests.transport import outcome
from tests.transport.conftest import MakeWorker
from tests.transport.records import endless_quotes

pytestmark = [pytest.mark.kafka, pytest.mark.crash]

QUOTES = "market.quotes"
COMMITTED = "demo committed"
PER_S = 1_000
SESSION_S = 4.0


def test_workers_join_leave_and_are_killed_under_load(brokers: str, worker: MakeWorker) -> None:
    """w0 has a name in the group, w1 has none."""
    two = [worker(f"w{n}", static=n == 0, session_timeout_s=SESSION_S) for n in range(2)]
    with cluster.trickle(brokers, endless_quotes(), PER_S):
        for each in two:
            each.until_it_says(COMMITTED)
        third = worker("w2", session_timeout_s=SESSION_S)
        third.until_it_says(COMMITTED)
        assert two[0].stop(10) == Exit.CLEAN
        time.sleep(1)
        two[1].kill()
    cluster.until_applied([QUOTES], third)
    assert outcome.check(brokers) > 100


def test_no_record_is_lost_or_applied_twice_by_rebalances_that_follow_each_other(
    brokers: str, worker: MakeWorker
) -> None:
    w = worker(session_timeout_s=SESSION_S)
    with cluster.trickle(brokers, endless_quotes(), PER_S):
        w.until_it_says(COMMITTED)
        asyncio.run(come_and_go(brokers, w.app, 4))
    cluster.until_applied([QUOTES], w)
    assert outcome.check(brokers) > 100


async def come_and_go(brokers: str, group: str, times: int) -> None:
    """Members that take half of the partitions for a moment, and read nothing of them."""
    for turn in range(times):
        member = AIOKafkaConsumer(
            QUOTES,
            "orders.accepted",
            bootstrap_servers=brokers,
            group_id=group,
            enable_auto_commit=False,
            partition_assignment_strategy=[RangePartitionAssignor],
        )
        await member.start()
        await asyncio.sleep(0.5 + 0.13 * turn)
        await member.stop()
        await asyncio.sleep(0.5 + 0.17 * turn)


def test_a_frozen_worker_whose_partitions_moved_writes_nothing_more_and_exits(
    brokers: str, worker: MakeWorker
) -> None:
    frozen, other = (worker(f"w{n}", session_timeout_s=SESSION_S) for n in range(2))
    with cluster.trickle(brokers, endless_quotes(), PER_S):
        frozen.until_it_says(COMMITTED)
        other.until_it_says(COMMITTED)
        frozen.signal(signal.SIGSTOP)
        time.sleep(2 * SESSION_S)
        said = len(frozen.text())
        frozen.signal(signal.SIGCONT)
        assert frozen.wait(20) in FENCED
        # What the broker had committed before the freeze is heard of now; nothing begins and commits after it.
        assert all(s > SESSION_S for s in committed_s(frozen.text()[said:]))
    cluster.until_applied([QUOTES], other)
    assert outcome.check(brokers) > 100


def committed_s(text: str) -> list[float]:
    """How long each commit took that a worker told of."""
    return [float(s) for s in re.findall(rf"{COMMITTED} {{'commit': ([0-9.e-]+)", text)]


def test_of_two_workers_under_one_name_the_former_exits(brokers: str, worker: MakeWorker) -> None:
    first = worker("w0", session_timeout_s=SESSION_S)
    with cluster.trickle(brokers, endless_quotes(), PER_S):
        first.until_it_says(COMMITTED)
        second = worker("w1", session_timeout_s=SESSION_S, settings={"HEADRACE_INSTANCE": "w0"})
        assert first.wait(30) in FENCED
    cluster.until_applied([QUOTES], second)
    assert outcome.check(brokers) > 50
