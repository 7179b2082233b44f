"""A market whose rule changes: at first the book tells nothing of the next second, then much."""

from collections.abc import Iterable
from itertools import islice

from api.feeding import Feed, FeedPlan
from api.scenarios import SCRIPTS, Scenario
from models.gate.settings import parse
from streams.feeds.reference import SIMULATED
from streams.feeds.source import SECOND_NS
from streams.feeds.synthetic import SLOTS_PER_SECOND, Drift, SyntheticMarket
from streams.messages import Quote

CHANGE_S, END_S = 30, 90


def _quotes(seed: int = 7) -> list[Quote]:
    """Of one symbol."""
    market = SyntheticMarket(seed, 0, SIMULATED, Drift(CHANGE_S))
    slots = islice(market.slots(), END_S * SLOTS_PER_SECOND)
    symbol = SIMULATED[0].symbol
    return [
        event
        for slot in slots
        for event in slot
        if isinstance(event, Quote) and event.symbol == symbol
    ]


def _hits(quotes: Iterable[Quote]) -> float:
    """How often the larger side of the book was the side of the move over the next second, where there was one."""
    ordered = list(quotes)
    right = moves = 0
    ahead = 0
    for quote in ordered:
        while ahead < len(ordered) and ordered[ahead].time < quote.time + SECOND_NS:
            ahead += 1
        if ahead == len(ordered):
            break
        move = ordered[ahead].bid + ordered[ahead].ask - quote.bid - quote.ask
        if move and quote.bid_size != quote.ask_size:
            moves += 1
            right += (move > 0) == (quote.bid_size > quote.ask_size)
    return right / moves


def test_the_book_tells_nothing_before_the_change_and_much_after_it() -> None:
    quotes = _quotes()
    before = _hits(quote for quote in quotes if quote.time < CHANGE_S * SECOND_NS)
    after = _hits(quote for quote in quotes if quote.time >= CHANGE_S * SECOND_NS)
    assert abs(before - 0.5) < 0.1
    assert after > 0.75


def test_a_drifting_market_is_a_function_of_its_seed_too() -> None:
    assert _quotes(7) == _quotes(7)
    assert _quotes(7) != _quotes(8)


def test_a_scenario_is_told_to_the_feed_and_its_settings_are_the_gates() -> None:
    plan = FeedPlan(Feed.SYNTHETIC, seed=7, scenario=Scenario.DRIFT)
    assert plan.arguments()[-2:] == ["--scenario", "drift"]
    changed = parse(SCRIPTS[Scenario.DRIFT].promotion).changed()
    allowed = {"first_champion", "auto_promote", "parity_required", "entry_evidence_min"}
    counts = {
        "labels_min", "class_labels_min", "event_s_min", "calibration_labels_min", "recent_labels",
        "canary_s_min", "canary_labels_min",
    }  # fmt: skip
    assert changed.keys() == allowed | counts  # nothing about how good a candidate must be
