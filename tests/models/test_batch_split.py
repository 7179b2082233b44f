"""No row of a part knows anything of a later part, and nothing is learned of a row but of train's."""

import hashlib
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.batch import prepare
from models.batch.frame import Frame, read, thin
from models.batch.split import TooFew, embargo_ns, split
from models.labels import UP_1S
from tests.train.rows import MODEL, SECOND_NS, SET, START_NS, examples, frame_of

NONE_NEEDED = (0, 0, 0)

rows = st.lists(
    st.tuples(st.integers(0, 3_600), st.sampled_from("AB"), st.floats(0.1, 200.0)),
    min_size=20,
    max_size=60,
)


def frame(drawn: list[tuple[int, str, float]]) -> Frame:
    """Rows at these seconds, whose labels take so many seconds to be known."""
    drawn = sorted(drawn)
    t0 = np.array([START_NS + second * SECOND_NS for second, _, _ in drawn], dtype=np.int64)
    lives = np.array([int(life * SECOND_NS) for _, _, life in drawn], dtype=np.int64)
    values = np.array([[math.sin(second * life)] for second, _, life in drawn])
    ups = (values[:, 0] > 0).astype(np.int64)
    ones = np.ones(len(drawn))
    symbols = np.array([symbol for _, symbol, _ in drawn])
    return Frame(symbols, t0, t0 + lives, values, ups, ones, ones)


@given(rows, st.integers(0, 300))
def test_no_row_was_known_later_than_the_end_of_its_part_less_the_embargo(
    drawn: list[tuple[int, str, float]], embargo_s: int
) -> None:
    whole = frame(drawn)
    embargo = embargo_s * SECOND_NS
    try:
        parts = split(whole, embargo, NONE_NEEDED)
    except TooFew:
        return
    assert not (parts.train.known_at > parts.train_end - embargo).any()
    assert not (parts.validation.known_at > parts.validation_end - embargo).any()
    assert not (parts.validation.t0 < parts.train_end).any()
    assert not (parts.test.t0 < parts.validation_end).any()
    left = sum(map(len, (parts.train, parts.validation, parts.test)))
    assert left + sum(parts.purged.values()) == len(whole)


@given(rows, st.randoms(use_true_random=False))
def test_no_row_after_train_changes_a_bound_a_scale_or_a_weight(
    drawn: list[tuple[int, str, float]], chance: object
) -> None:
    whole = frame(drawn)
    try:
        parts = split(whole, 0, NONE_NEEDED)
    except TooFew:
        return
    if not len(parts.train):
        return
    later = whole.t0 >= parts.train_end
    changed = Frame(
        whole.symbol,
        whole.t0,
        np.where(later, whole.known_at + 7 * SECOND_NS, whole.known_at),
        np.where(later[:, None], 1e6, whole.x),
        np.where(later, 1 - whole.y, whole.y),
        np.where(later, -5.0, whole.r_bps),
        whole.cost_bps,
    )
    before = prepare.prepare(parts.train)
    after = prepare.prepare(split(changed, 0, NONE_NEEDED).train)
    assert before.clip == after.clip
    assert (before.mean, before.deviation) == (after.mean, after.deviation)
    assert before.weight.tobytes() == after.weight.tobytes()


def test_the_parts_are_cut_by_unique_times_and_not_by_rows() -> None:
    times = [0] * 50 + list(range(1, 100))
    parts = split(frame([(time, "A", 0.5) for time in times]), 0, NONE_NEEDED)
    assert parts.train_end == START_NS + 70 * SECOND_NS
    assert parts.validation_end == START_NS + 85 * SECOND_NS


def test_too_few_rows_of_any_part_are_refused() -> None:
    whole = frame_of(examples(2_000, step_ns=SECOND_NS))
    parts = split(whole, embargo_ns(SECOND_NS), NONE_NEEDED)
    train, validation, test = len(parts.train), len(parts.validation), len(parts.test)
    split(whole, embargo_ns(SECOND_NS), (train, validation, test))
    for wanted in (
        (train + 1, validation, test),
        (train, validation + 1, test),
        (train, validation, test + 1),
    ):
        with pytest.raises(TooFew):
            split(whole, embargo_ns(SECOND_NS), wanted)


def test_the_embargo_is_a_minute_or_the_horizon_if_that_is_longer() -> None:
    assert embargo_ns(SECOND_NS) == 60 * SECOND_NS
    assert embargo_ns(4 * 3600 * SECOND_NS) == 4 * 3600 * SECOND_NS


def test_a_row_is_kept_a_quarter_of_the_horizon_after_the_last_of_its_symbol() -> None:
    found = frame([(0, "A", 1.0), (0, "B", 1.0), (1, "A", 1.0), (2, "A", 1.0), (5, "B", 1.0)])
    assert thin(found, 8 * SECOND_NS).tolist() == [0, 1, 3, 4]
    assert thin(found, SECOND_NS).tolist() == [0, 1, 2, 3, 4]


def test_a_label_alone_weighs_one_and_two_at_once_a_half() -> None:
    found = frame([(0, "A", 10.0), (20, "A", 10.0), (20, "B", 10.0), (25, "B", 10.0)])
    weights = prepare.uniqueness(found).tolist()
    assert weights == pytest.approx([1.0, 1.0, 0.75, 0.75])


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("AB"), st.integers(1, 9)), min_size=1)
)
def test_weights_are_those_of_a_count_second_by_second(whole: list[tuple[int, str, int]]) -> None:
    found = frame([(second, symbol, float(life)) for second, symbol, life in whole])
    expected = []
    for start, symbol, life in sorted(whole):
        shares = [
            1 / sum(1 for s, n, long in whole if n == symbol and s <= at < s + long)
            for at in range(start, start + life)
        ]
        expected.append(sum(shares) / len(shares))
    assert prepare.uniqueness(found).tolist() == pytest.approx(expected)


def test_only_labelled_rows_of_one_feature_set_and_one_label_that_are_ready_are_read() -> None:
    good = examples(4)
    change = msgspec.structs.replace
    bad = [
        change(good[0], state="flat", y=None),
        change(good[0], state="censored"),
        change(good[0], set_hash="other"),
        change(good[0], spec="other"),
        change(good[0], ready=SET.required - 1),
        change(good[0], lane="heavy"),
    ]
    found = read([*bad, *reversed(good)], SET, UP_1S, MODEL)
    assert len(found.frame) == 4
    assert set(found.left_out) == {
        "flat", "censored", "other_feature_set", "other_label_spec", "warming_up", "other_model"
    }  # fmt: skip
    assert found.offsets == {"features/0": (0, 3)}


def test_a_feature_that_is_long_in_getting_ready_is_used_where_half_of_the_rows_have_it() -> None:
    whole = (1 << len(SET.names)) - 1
    slow = whole & ~SET.required
    assert slow
    for count, required, left in ((5, whole, 5), (4, whole & ~slow, 10)):
        rows = [
            msgspec.structs.replace(row, ready=whole if number < count else whole & ~slow)
            for number, row in enumerate(examples(10))
        ]
        found = read(rows, SET, UP_1S, MODEL)
        assert found.required == required
        assert len(found.frame) == left


def test_a_data_set_is_named_by_every_bit_whatever_order_it_came_in() -> None:
    given_rows = examples(100)
    name = frame_of(given_rows).sha256()
    assert frame_of(given_rows[::-1]).sha256() == name
    assert len(name) == hashlib.sha256().digest_size * 2
    other = frame_of(given_rows[:-1] + examples(101)[-1:])
    assert other.sha256() != name
