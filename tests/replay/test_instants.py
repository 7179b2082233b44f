"""A range of event time means the same on every machine."""

import pytest

from api import instants
from api.ending import Ended


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        (None, None),
        ("1790000000123", 1_790_000_000_123),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01T01:00:01+01:00", 1_000),
        ("2026-10-25T02:30:00+02:00", 1_792_888_200_000),
        ("2026-10-25T02:30:00+01:00", 1_792_891_800_000),
    ],
)
def test_times_are_utc_unless_they_say_otherwise_also_where_clocks_are_put_back(
    text: str | None, ms: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert instants.milliseconds(text) == ms


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "10:00"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Ended, match="is no time such as"):
        instants.milliseconds(text)


def test_a_time_is_shown_so_that_it_can_be_given_back() -> None:
    assert instants.milliseconds(instants.text(1_792_888_200_123)) == 1_792_888_200_123
