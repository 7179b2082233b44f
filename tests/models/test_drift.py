"""Drift is a rise of the loss; a detector that is made anew from what is kept goes on as the one before."""

import random

import pytest

from models.drift import BLOCK, HOLD_LABELS, Hold, LossTable

PLACE = "up1s.micro.all|BTC/USD.SIM|lin"


def losses(seed: int, count: int, mean: float) -> list[float]:
    draw = random.Random(seed)
    return [draw.uniform(0, 2 * mean) for _ in range(count)]


def alarms(table: LossTable, values: list[float], seen: int = 0) -> list[int]:
    return [n for n, loss in enumerate(values, seen) if table.is_drift(PLACE, n, loss)]


def commit(table: LossTable) -> list[tuple[bytes, bytes | None]]:
    changes = table.seal()
    table.publish()
    return changes


def test_a_rise_is_found_soon_and_nothing_before() -> None:
    table = LossTable()
    found = alarms(table, losses(1, 1_000, 0.2) + losses(2, 400, 0.35))
    assert found
    assert 1_000 <= found[0] < 1_200


def test_a_fall_is_no_alarm() -> None:
    assert alarms(LossTable(), losses(1, 1_000, 0.35) + losses(2, 400, 0.15)) == []


@pytest.mark.parametrize("cut", [1, BLOCK - 1, BLOCK, 777, 1_050])
def test_a_restored_detector_raises_the_same_alarms(cut: int) -> None:
    values = losses(3, 1_000, 0.2) + losses(4, 300, 0.4)
    whole = alarms(LossTable(), values)
    first = LossTable()
    before = alarms(first, values[:cut])
    again = LossTable()
    for key, value in commit(first):
        again.load(key.decode().partition("|")[2], value)
    assert before + alarms(again, values[cut:], cut) == whole != []


def test_a_discarded_chunk_leaves_no_trace_in_the_detector() -> None:
    values = losses(3, 1_000, 0.2) + losses(4, 300, 0.4)
    table = LossTable()
    before = alarms(table, values[:900])
    commit(table)
    alarms(table, losses(9, 250, 0.9), 900)
    table.discard()
    assert before + alarms(table, values[900:], 900) == alarms(LossTable(), values)


def test_a_restart_forgets_everything() -> None:
    table = LossTable()
    alarms(table, losses(1, 250, 0.2))
    commit(table)
    table.restart(PLACE, 250)
    assert list(table.items()) == []
    assert alarms(table, losses(2, 200, 0.4)) == []


def test_a_hold_is_lifted_when_the_prior_is_beaten_over_two_hundred_labels() -> None:
    hold: Hold | None = Hold()
    for number in range(HOLD_LABELS):
        assert hold is not None, number
        hold = hold.after(0.20, 0.25)
    assert hold is None
    hold = Hold()
    for _ in range(HOLD_LABELS):
        assert hold is not None
        hold = hold.after(0.25, 0.20)
    assert hold == Hold(), "it begins anew"
