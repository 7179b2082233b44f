"""Cost models that an instrument chooses: latency, slippage, queues, assumed sizes, and how a fill tells them."""

from hashlib import sha256
from typing import Any

import pytest

from agents import broker
from agents.handler import Event
from streams import control
from streams.ids import Ref
from tables import costs
from tables.costs import Taking
from tests.broker.exchange import CONTROL_OFFSET, MS, Position, Stage, instrument

ORDER = "1-0-0"
REF = Ref("orders.accepted", 0, 7)


@pytest.mark.parametrize(
    ("latency", "low", "high"), [("zero", 0, 0), ("constant", 50, 50), ("uniform", 50, 300)]
)
def test_latency_models(latency: Any, low: int, high: int) -> None:
    known = instrument(latency=latency, latency_low_ms=50, latency_high_ms=300)
    assert low * MS <= costs.latency_ns(known, REF, "order") <= high * MS


def test_uniform_latency_is_this_draw_of_the_command_s_place() -> None:
    known = instrument(latency="uniform", latency_low_ms=50, latency_high_ms=51)
    draws = [costs.latency_ns(known, REF._replace(offset=n), "order") - 50 * MS for n in (7, 8)]
    digests = [sha256(f"0|orders.accepted|0|{n}|order".encode()).digest() for n in (7, 8)]
    assert draws == [int.from_bytes(digest) % (MS + 1) for digest in digests]


@pytest.mark.parametrize(
    ("model", "terms", "taking", "ticks"),
    [
        ("none", {}, Taking(1000, 4, 5, 5), 0),
        ("fixed_bps", {"slippage_bps": 10}, Taking(1000, 4, 5, 5), 1),
        ("fixed_bps", {"slippage_bps": 11}, Taking(1000, 4, 5, 5), 2),
        ("spread_vol", {}, Taking(10_000, 3, 5, 5), 4),
        ("spread_vol", {"slippage_volatility_bps": 8}, Taking(10_000, 4, 5, 5), 12),
        ("impact", {}, Taking(10_000, 4, 5, 10), 3),
        ("impact", {}, Taking(10_000, 4, 500, 10), 12),
        ("impact", {}, Taking(10_000, 4, 5, 1), 12),
        ("impact", {}, Taking(10_000, 4, 5, 0), 12),
    ],
)
def test_slippage_models(model: Any, terms: dict[str, int], taking: Taking, ticks: int) -> None:
    assert costs.slippage_ticks(instrument(slippage=model, **terms), taking) == ticks


@pytest.mark.parametrize(
    ("terms", "price", "slipped"),
    [({"type_": "market"}, "100.3", 2), ({"type_": "limit", "price": "100.2"}, "100.2", 1)],
)
def test_slippage_goes_against_the_taker_but_never_past_its_limit(
    terms: dict[str, Any], price: str, slipped: int
) -> None:
    stage = Stage(instrument(slippage="fixed_bps", slippage_bps=11))
    stage.accept("buy", qty="1", **terms)
    stage.quote("100", "100.1")
    assert (stage.fills[0].price, stage.fills[0].slippage_ticks) == (price, slipped)


def resting(model: Any, bid_size: str = "5") -> Stage:
    """A buy of 9 that joins the best bid of 100."""
    stage = Stage(instrument(queue=model))
    stage.accept("buy", "limit", "9", price="100")
    stage.quote("100", "100.1", bid_size=bid_size)
    return stage


def test_queue_behind_what_was_shown_is_taken_down_by_trades_and_clamped_to_the_size_shown() -> (
    None
):
    stage = resting("queue")
    stage.trade("100", "3")
    stage.quote("100", "100.1", bid_size="2")
    assert not stage.fills
    stage.trade("100", "4")
    (fill,) = stage.fills
    assert (fill.qty, fill.rule, fill.queue_ahead, fill.left_before) == ("2", "QUEUE", 2000, 2000)


@pytest.mark.parametrize("side", ["buy", ""])
def test_trade_by_the_wrong_or_an_unknown_aggressor_takes_no_queue_down(side: Any) -> None:
    stage = resting("queue")
    stage.trade("100", "50", side=side)
    assert not stage.fills and stage.tables.exchange.orders[ORDER].queue == 5000


def test_queue_of_an_order_that_improves_the_price_is_empty() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="100.1")
    stage.quote("100", "100.3")
    stage.trade("100.1", "1")
    assert stage.filled() == [(ORDER, "1", "100.1", "maker", "QUEUE")]


def test_queue_behind_the_best_is_known_when_the_price_first_becomes_the_best() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99")
    stage.quote("100", "100.1")
    assert stage.tables.exchange.orders[ORDER].queue == -1
    stage.quote("99", "99.1", bid_size="7")
    assert stage.tables.exchange.orders[ORDER].queue == 7000
    stage.quote("98.9", "99.1")
    assert stage.tables.exchange.orders[ORDER].queue == 0


def test_two_orders_at_a_price_share_what_a_trade_leaves_behind_their_queues() -> None:
    stage = resting("queue", bid_size="2")
    second = stage.accept("buy", "limit", "9", price="100")
    stage.quote("100", "100.1", bid_size="2")
    stage.trade("100", "5")
    assert [(fill.order_id, fill.qty) for fill in stage.fills] == [(ORDER, "3")]
    stage.trade("100", "10")
    assert [(fill.order_id, fill.qty) for fill in stage.fills[1:]] == [(ORDER, "6"), (second, "4")]


@pytest.mark.parametrize(
    ("model", "side", "filled"), [("never", "sell", 0), ("always", "sell", 1), ("always", "buy", 0)]
)
def test_touches_fill_never_or_always(model: str, side: Any, filled: int) -> None:
    stage = resting(model)
    stage.trade("100", "4", side=side)
    assert [(fill.qty, fill.rule) for fill in stage.fills] == [("4", "TOUCH")] * filled


@pytest.mark.parametrize(("assumed", "qty"), [(0, []), (3000, ["3"])])
def test_quote_without_sizes_fills_only_what_the_instrument_assumes(
    assumed: int, qty: list[str]
) -> None:
    stage = Stage(instrument(assume_size=assumed))
    stage.accept("buy", "limit", "5", price="101")
    stage.quote("100", "101", bid_size="0", ask_size="0")
    assert [fill.qty for fill in stage.fills] == qty


def test_fill_tells_the_book_as_used() -> None:
    stage = Stage(instrument(latency="constant", latency_low_ms=20, latency_high_ms=20))
    stage.accept("buy", "market", "3", at=0, mode_epoch=4)
    stage.quote("100", "100.1", bid_size="7", ask_size="2", at=25)
    first, second = stage.fills
    assert (first.bid, first.ask, first.bid_size, first.ask_size) == (1000, 1001, 7000, 2000)
    assert (first.leg, first.block, first.left_before, first.left_after) == (0, 0, 2000, 0)
    assert (second.leg, second.block, second.left_before, second.left_after) == (1, 1, 2000, 1000)
    assert (first.latency_ns, first.mode, first.mode_epoch) == (20 * MS, "sim", 4)
    assert first.control_offset == CONTROL_OFFSET


def test_instrument_record_in_force_is_kept_by_its_offset() -> None:
    stage = Stage()
    event: Event[control.Read | None] = Event()
    event.topic, event.partition, event.record = "control", 0, Position(31, 0)
    event.message = control.InstrumentRecord(instrument=instrument())
    assert broker.on_control(event, stage.tables) == ()
    stage.accept("buy", "market", "1")
    stage.quote("100", "100.1")
    assert stage.fills[0].control_offset == 31
