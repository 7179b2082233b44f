"""The watchdog by rules: permille scores of an entry, of which the highest counts; checked last in the gate."""

from collections.abc import Iterator
from typing import NamedTuple

from streams import money
from streams.contract import Prediction
from tables import sizing
from tables.candidate import BPS, Candidate

VETO = 700
STALE_NS = 2 * 10**9
CONFIDENCE_MIN = 15 * money.UNIT // 100
THROUGH_BPS_MIN = 5


class Score(NamedTuple):
    """permille: how bad it looks; why: for people."""

    permille: int
    why: str


def highest(candidate: Candidate) -> Score:
    """The worst that the rules find."""
    return max(_scores(candidate), default=Score(0, "nothing"), key=lambda score: score.permille)


def _scores(candidate: Candidate) -> Iterator[Score]:
    prediction = candidate.command.prediction
    if prediction is not None:
        yield from _of_prediction(candidate, prediction)
    through = _through(candidate)
    if through:
        yield Score(min(1_000, 800 + through), f"{through} bps through the book")


def _of_prediction(candidate: Candidate, prediction: Prediction) -> Iterator[Score]:
    age = candidate.clock - candidate.created_at
    if not age <= STALE_NS:
        yield Score(1_000, f"sent {age // 10**6} ms ago")
    if not money.parse(prediction.edge_bps) >= sizing.costs(candidate.rates[1]):
        yield Score(750, f"edge_bps {prediction.edge_bps} does not pay the costs")
    confidence = abs(2 * money.parse(prediction.p) - money.UNIT)
    if not confidence >= CONFIDENCE_MIN:
        yield Score(750, f"p {prediction.p} says little")


def _through(candidate: Candidate) -> int:
    """Whole bps by which a limit price is through the other side of the book; 0 where that is no more than usual."""
    mark, price = candidate.mark, candidate.price
    if mark is None or not price or candidate.type != "limit":
        return 0
    touch = mark.ask if candidate.side > 0 else mark.bid
    excess = candidate.side * (price - touch)
    if not touch or not mark.bid or not mark.ask or excess <= 0:
        return 0
    usual = max(2 * THROUGH_BPS_MIN * touch, 3 * BPS * (mark.ask - mark.bid))
    return excess * BPS // touch if 2 * BPS * excess > usual else 0
