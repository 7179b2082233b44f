"""The crash proofs of the whole system on a real broker; `python -m tests.faults.crash` runs them at will."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.local import LocalKafka
from tests.faults import crash
from tests.faults.pair import FENCED

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker of the module's own: it is killed."""
    with LocalKafka(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


def codes(outcome: crash.Outcome) -> set[int]:
    return {code for _, code in outcome.ends}


def test_twelve_kills_of_a_worker_under_load_lose_and_double_nothing(
    broker: LocalKafka, tmp_path: Path
) -> None:
    outcome = crash.run("worker", 12, 1, broker, tmp_path)
    print(crash.HEADER, outcome, sep="\n")
    assert outcome.violations == []
    assert codes(outcome) == {-9}
    assert len(outcome.found.of("fills")) > 50


def test_a_frozen_worker_of_the_system_is_fenced_when_it_wakes(
    broker: LocalKafka, tmp_path: Path
) -> None:
    outcome = crash.run("zombie", 1, 2, broker, tmp_path)
    print(crash.HEADER, outcome, sep="\n")
    assert outcome.violations == []
    assert codes(outcome) & FENCED


def test_a_killed_broker_comes_back_to_a_system_that_has_lost_nothing(
    broker: LocalKafka, tmp_path: Path
) -> None:
    outcome = crash.run("broker", 2, 3, broker, tmp_path)
    print(crash.HEADER, outcome, sep="\n")
    assert outcome.violations == []
    assert len(outcome.found.of("fills")) > 50
