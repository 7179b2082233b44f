"""What a worker asks of the cluster before it starts."""

import asyncio

import pytest

from agents import worker
from streams import admin
from streams.admin import Problem
from streams.exits import Exit
from streams.settings import Settings
from streams.transaction import Transactions, Unsure

MISSING = Problem("topic fills", "missing", "present", "run `headrace topics apply`")


@pytest.mark.parametrize(
    ("answers", "refused"),
    [([[MISSING], []], []), ([[MISSING], [MISSING], [MISSING]], [MISSING]), ([[]], [])],
)
def test_a_topic_is_missing_only_if_it_stays_so(
    monkeypatch: pytest.MonkeyPatch, answers: list[list[Problem]], refused: list[Problem]
) -> None:
    left = list(answers)

    async def check(brokers: str, partitions: int, replication: int) -> list[Problem]:
        return left.pop(0)

    monkeypatch.setattr(admin, "check", check)
    monkeypatch.setattr(worker, "CHECK_AGAIN_S", 0)
    assert asyncio.run(worker._problems(Settings(profile="simulation"))) == refused
    assert left == []


def test_an_older_broker_is_a_matter_for_a_person() -> None:
    async def old() -> None:
        raise NotImplementedError("Apache Kafka 4.0 or later is needed")

    with pytest.raises(Unsure) as unsure:
        asyncio.run(Transactions("nowhere:1", "t", 1.0)._sure(old(), 1.0))
    assert unsure.value.code is Exit.CHECK_FAILED
