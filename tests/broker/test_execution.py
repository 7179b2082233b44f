"""What the exchange's work on one record writes and refuses to write."""

from typing import Any

import pytest

from agents.execution import Execution
from agents.records import Deal
from streams import topics
from streams.ids import Ref
from streams.messages import OrderEvent
from tables.lifecycle import BrokenInvariant
from tests.broker.exchange import SYMBOL, Stage, instrument

ORDER = "1-0-0"
CAUSE = Ref("market.quotes", 0, 3)


def at_work(**terms: Any) -> Execution:
    """On a buy of 10 lots, as far as it may fill at 100.0 at worst."""
    stage = Stage()
    stage.accept("buy", "market", "0.01", tif="GTC", protection="100", **terms)
    return Execution(CAUSE, stage.clock, stage.tables.exchange, instrument())


def deal(qty: int, price: int) -> Deal:
    return Deal(qty, price, "TAKER", False, qty, 0)


@pytest.mark.parametrize(
    ("qty", "price", "why"),
    [
        (0, 1000, "1-0-0: fill of 0 with 10 open"),
        (11, 1000, "1-0-0: fill of 11 with 10 open"),
        (1, 1001, "1-0-0: fill at 1001 beyond 1000"),
    ],
)
def test_a_fill_that_cannot_be_stops_the_process(qty: int, price: int, why: str) -> None:
    work = at_work()
    with pytest.raises(BrokenInvariant) as broken:
        work.fill(work.exchange.orders[ORDER], deal(qty, price))
    assert str(broken.value) == why


@pytest.mark.parametrize(("qty", "state"), [(1, "PARTIALLY_FILLED"), (10, "FILLED")])
def test_a_fill_is_told_to_the_account(qty: int, state: str) -> None:
    work = at_work()
    work.fill(work.exchange.orders[ORDER], deal(qty, 1000))
    fill, event = work.outputs
    assert (fill.topic, fill.key, event.topic, event.key) == (
        topics.FILLS, "paper", topics.EVENTS, "paper",
    )  # fmt: skip
    assert (event.message.type, event.message.state) == (state, state)


def test_a_fill_under_no_known_record_of_its_instrument_says_so() -> None:
    work = at_work()
    work.exchange.versions.delete(SYMBOL)
    work.fill(work.exchange.orders[ORDER], deal(1, 1000))
    assert work.outputs[0].message.control_offset == -1


def test_a_child_begins_with_its_first_event_by_its_own_command() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "1", price="99")
    stage.accept("sell", "limit", "1", price="101", group_kind="oto", parent_id=ORDER)
    held = stage.outputs[-1]
    assert isinstance(held.message, OrderEvent)
    assert (held.topic, held.key) == (topics.EVENTS, "paper")
    assert (held.message.type, held.message.rev) == ("HELD", 1)
    assert held.message.command_ref == Ref("orders", 0, 1)


def test_a_side_that_a_trade_cannot_see_keeps_what_is_used_of_it() -> None:
    """A stop by trade sells into the bid; what a taker has used of the ask stays used."""
    stage = Stage()
    stage.accept("buy", "market", "2")
    stage.accept("sell", "stop", "1", stop_price="99.9", trigger="trade")
    stage.quote("100", "100.1", bid_size="5", ask_size="5")
    stage.trade("99.9", "1")
    used = stage.tables.exchange.consumed[SYMBOL]
    assert used.ask is not None and used.bid is not None
    assert (used.ask.left, used.bid.left) == (3000, 4000)
    stage.quote("100", "0", ask_size="0", bid_size="5")
    kept = stage.tables.exchange.consumed[SYMBOL]
    assert kept.ask == used.ask
