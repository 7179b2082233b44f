"""How long the oldest unread record waits, from offsets alone."""

from hypothesis import given
from hypothesis import strategies as st

from agents.standing import IDLE, Standing, Waiting


def test_without_lag_and_behind_a_marker_nothing_waits() -> None:
    waiting = Waiting()
    assert waiting.look(Standing(10, 10, 10), 0.0) == 0
    assert waiting.look(Standing(10, 11, 11), 5.0) == 0
    assert waiting.look(Standing(10, 11, 11), 50.0) == 0


def test_what_stays_unread_grows_old_and_what_is_read_does_not() -> None:
    waiting = Waiting()
    waiting.look(Standing(0, 0, 0), 0.0)
    assert waiting.look(Standing(0, 9, 9), 1.0) == 0
    assert waiting.look(Standing(0, 30, 30), 2.0) == 1
    assert waiting.look(Standing(9, 30, 30), 3.0) == 1, "the first nine are read"
    assert waiting.look(Standing(30, 30, 30), 4.0) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=40))
def test_the_age_is_that_of_the_first_end_that_is_not_reached(
    steps: list[tuple[int, int]],
) -> None:
    """The naive twin keeps every look."""
    waiting, looks, position, stable = Waiting(), [], 0, 0
    for now, (written, read) in enumerate(steps):
        stable += written
        position = min(stable, position + read)
        looks.append((stable, float(now)))
        ahead = [seen for end, seen in looks if end > position + IDLE]
        expected = now - ahead[0] if ahead else 0.0
        assert waiting.look(Standing(position, stable, stable), float(now)) == expected
