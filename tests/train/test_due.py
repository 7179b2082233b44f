"""Which models are trained now: by schedule, drift, age or hand, and none again within six hours but by hand."""

import pytest

from models.batch.due import Standing, due

HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY


def standing(
    run: float | None, version: float | None, *asked: str, model: str = "m", max_age: float = WEEK
) -> Standing:
    return Standing(model, run, version, max_age, frozenset(asked))


@pytest.mark.parametrize(
    ("given", "trigger"),
    [
        (standing(None, None), "schedule"),
        (standing(23 * HOUR, 23 * HOUR), None),
        (standing(24 * HOUR, 24 * HOUR), "schedule"),
        (standing(7 * HOUR, 7 * HOUR, "drift"), "drift"),
        (standing(5 * HOUR, 5 * HOUR, "drift"), None),
        (standing(5 * HOUR, 5 * HOUR, "drift", "manual"), "manual"),
        (standing(0.0, None, "manual"), "manual"),
        (standing(7 * HOUR, 0.8 * WEEK), "expiry"),
        (standing(7 * HOUR, 0.79 * WEEK), None),
        (standing(5 * HOUR, 0.9 * WEEK), None),
    ],
)
def test_a_model_is_due(given: Standing, trigger: str | None) -> None:
    assert [each.trigger for each in due([given])] == ([trigger] if trigger else [])


def test_the_oldest_version_comes_first_and_none_at_all_before_it() -> None:
    found = due(
        [
            standing(DAY, 2 * DAY, model="b"),
            standing(DAY, 3 * DAY, model="c"),
            standing(None, None, model="d"),
            standing(DAY, 2 * DAY, model="a"),
        ]
    )
    assert [each.model for each in found] == ["d", "c", "a", "b"]
