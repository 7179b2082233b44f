"""The answers of both lanes to one vector are brought together before the gate compares them."""

import msgspec

from api.promotion.examples import PATIENCE_NS, Placed, joined
from streams.ids import Ref
from streams.predictions import Answer, Example
from tests.gate.stream import SECOND_NS, example

ANSWERS = {"lin": 0.4, "prior": 0.5}


def _inline(number: int) -> Example:
    return example(number, ANSWERS, True)


def _heavy(number: int) -> Example:
    slow = example(number, {"arf3": 0.7}, True)
    return msgspec.structs.replace(slow, lane="heavy")


def _placed(*examples: Example) -> list[Placed]:
    return [Placed(offset, each) for offset, each in enumerate(examples)]


def _names(placed: list[Placed]) -> list[list[str]]:
    return [[answer.version for answer in each.example.outputs] for each in placed]


def test_a_vectors_answers_come_together_whichever_lane_was_first() -> None:
    whole, end = joined(_placed(_inline(1), _heavy(1), _heavy(2), _inline(2)), 4)
    assert _names(whole) == [["lin", "prior", "arf3"]] * 2
    assert end == 4


def test_the_next_pass_reads_on_at_the_first_whose_other_half_may_yet_come() -> None:
    placed = _placed(_inline(1), _inline(2), _heavy(1), _inline(3))
    whole, end = joined(placed, 4)
    assert _names(whole) == [["lin", "prior", "arf3"]]
    assert end == 1
    again, end = joined([*placed[1:], *_later(4, _heavy(2), _heavy(3))], 6)
    assert (
        _names(again) == [["lin", "prior", "arf3"]] * 2
    )  # the answer to 1 came twice, its label counts once
    assert end == 6


def test_a_heavy_lane_that_is_silent_holds_nobody_up_for_long() -> None:
    late = 1 + PATIENCE_NS // SECOND_NS
    whole, end = joined(_placed(_inline(1), _inline(late + 1)), 2)
    assert _names(whole) == [["lin", "prior"]]
    assert end == 1


def test_another_vectors_answer_is_not_taken_for_it() -> None:
    other = msgspec.structs.replace(_heavy(1), features_ref=Ref("features", 1, 1))
    whole, end = joined(_placed(_inline(1), other), 2)
    assert (whole, end) == ([], 0)


def test_answers_are_those_that_were_logged() -> None:
    whole, _ = joined(_placed(_inline(1), _heavy(1)), 2)
    assert whole[0].example.outputs[-1] == Answer("arf3", 0.7)


def _later(first: int, *examples: Example) -> list[Placed]:
    return [Placed(offset, each) for offset, each in enumerate(examples, first)]
