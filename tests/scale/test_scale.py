"""Workers join and leave under load, and the books are right afterwards: the short form of `make scale`."""

from pathlib import Path

import pytest
from aiokafka import TopicPartition as TP

from tests.scale import plan, run
from tests.scale.progress import Look, Progress


def test_a_standstill_is_the_longest_of_any_partition() -> None:
    progress = Progress("", "", ())
    a, b = TP("t", 0), TP("t", 1)
    for moment, first, second in [(0, 1, 1), (1, 2, 2), (2, 3, 2), (3, 4, 2), (4, 5, 3), (5, 6, 4)]:
        progress.looks.append(Look(float(moment), {a: first, b: second}))
    assert progress.stall_s(0, 5) == 3
    assert progress.stall_s(4, 5) == 1
    assert progress.rate(1, 8) == pytest.approx((8 - 4) / 3)


def test_the_plan_of_the_page_is_the_one_that_is_reckoned() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    assert plan.table() in page, "paste what `python -m tests.scale.plan` prints"


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_workers_come_and_go_under_load_and_verify_finds_nothing(tmp_path: Path) -> None:
    outcome = run.run(tmp_path, rounds=4, watch_s=8.0, counts=(1, 2, 3))
    print(run.table(outcome))
    assert outcome.is_clean
    assert len(outcome.changes) == 7
