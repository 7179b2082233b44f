import pytest

from api.supervisor.restarts import RESTARTS_MAX, Restarts
from streams.exits import Exit


def test_restarts_back_off_1_2_4_8_and_stay_at_8() -> None:
    restarts = Restarts()
    assert [restarts.delay(Exit.FENCED, 1.0) for _ in range(6)] == [1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize("code", [70, 71, 77, 78])
def test_codes_for_a_person_are_never_restarted(code: int) -> None:
    assert Restarts().delay(code, 1000.0) is None


@pytest.mark.parametrize("code", [0, 1, 72, 73, 74, 75, 76, -9])
def test_every_other_end_is_restarted(code: int) -> None:
    assert Restarts().delay(code, 0.1) == 1.0


def test_a_calm_minute_begins_the_back_off_anew() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.delay(-9, 1.0)
    assert restarts.delay(-9, 61.0) == 1.0


def test_endless_restarts_end() -> None:
    restarts = Restarts()
    delays = [restarts.delay(-9, 1.0) for _ in range(RESTARTS_MAX + 1)]
    assert delays[-1] is None
    assert None not in delays[:-1]
