"""A strategy is asked on predictions, its own fills and event time; whatever it does wrong costs it that one answer."""

from typing import Any

import msgspec
import pytest

from agents.strategies import Cancel as CancelOwn
from agents.strategies import Memory, Order
from streams import topics
from streams.instruments import Instrument
from streams.messages import Fill, OrderEvent
from streams.orders import Cancel, New
from streams.predictions import Answer, Prediction
from tests.broker.exchange import Stage
from tests.market import drive
from tests.market.drive import START, SYMBOL
from tests.strategy import own
from tests.strategy.seat import Seat, fill, prediction

ENTRY = Order("buy", 10_000)
KEPT = Memory()
MINUTE_MS = 60_000


def test_a_command_is_named_after_the_record_that_led_to_it() -> None:
    seat = Seat(own.Counter())
    (first,) = seat.commands(prediction(0, 0.6))
    cancel, second = seat.commands(prediction(1, 0.6))
    assert (first.client_order_id, cancel.client_order_id) == ("own:3:0:0", "own:3:0:1")
    assert second.client_order_id == "own:3:0:1:1"
    assert isinstance(cancel, Cancel) and cancel.target == "own:3:0:0"


def test_an_order_carries_the_time_of_its_prediction_and_the_price_in_decimals() -> None:
    (order,) = Seat(own.Counter()).commands(prediction(7, 0.6))
    assert isinstance(order, New)
    assert (order.created_at, order.strategy) == ("2025-10-09T08:53:20.007000000Z", "own")
    assert (order.type, order.price, order.qty) == ("limit", "59998.99", "0.1")


def test_an_order_names_the_prediction_that_it_acts_on() -> None:
    (order,) = Seat(own.Says((KEPT, [ENTRY]))).commands(prediction(0, 0.6))
    assert isinstance(order, New) and order.prediction is not None
    assert order.prediction.model_dump() == {
        "topic": "predictions",
        "partition": 0,
        "offset": 0,
        "model": "up1s.micro.all",
        "version": "lin",
        "p": "0.600000",
        "edge_bps": "0.100000",
    }


def test_own_fills_reach_the_strategy_and_foreign_ones_do_not() -> None:
    seat = Seat(own.Counter())
    seat.feed(prediction(0, 0.6))
    for changed in ({}, {"strategy": "signal"}, {"account": "margin"}, {"strategy": ""}):
        seat.feed(fill(1, "own:3:0:0", "0.04", **changed))
    assert kept(seat)["lots"] == 4_000


def test_the_timer_rings_once_when_event_time_has_reached_it() -> None:
    seat = Seat(own.Counter())
    seat.feed(prediction(0, 0.6))
    seat.feed(fill(1, "own:3:0:0", "0.1"))
    assert len(seat.commands(prediction(MINUTE_MS - 1, None))) == 0
    (leave,) = seat.commands(prediction(MINUTE_MS, None))
    assert isinstance(leave, New)
    assert (leave.side, leave.qty, leave.reduce_only) == ("sell", "0.1", True)
    assert leave.client_order_id == "own:3:0:2"
    assert not seat.commands(prediction(MINUTE_MS + 1, None))


def test_any_record_of_the_partition_carries_time_to_a_quiet_symbol() -> None:
    other = "ETHUSDT.BINANCE_SPOT"
    seat = Seat(own.Counter(), drive.instrument(SYMBOL), drive.instrument(other))
    seat.feed(prediction(0, 0.6))
    seat.feed(fill(1, "own:3:0:0", "0.1"))
    leave, bid = seat.commands(prediction(MINUTE_MS, 0.6, symbol=other))
    assert isinstance(leave, New) and isinstance(bid, New)
    assert (leave.symbol, bid.symbol) == (SYMBOL, other)
    assert (leave.client_order_id, bid.client_order_id) == ("own:3:0:1", "own:3:0:1:1")


def test_a_fill_carries_time_too_and_its_orders_have_ids_of_their_own() -> None:
    seat = Seat(own.Counter())
    seat.feed(prediction(0, 0.6))
    seat.feed(fill(1, "own:3:0:0", "0.1"))
    (leave,) = seat.commands(fill(MINUTE_MS, "own:3:0:0", "0.1"))
    assert leave.client_order_id == "own:3:f0:1"


def test_a_restart_changes_nothing_that_follows() -> None:
    stream: list[Prediction | Fill] = [
        prediction(0, 0.6),
        fill(5, "own:3:0:0", "0.03"),
        prediction(100, 0.6),
        fill(150, "own:3:0:1:1", "0.1"),
        prediction(MINUTE_MS + 1, None),
    ]
    going, restarted = Seat(own.Counter()), Seat(own.Counter())
    for message in stream:
        assert restarted.feed(message) == going.feed(message)
        restarted.restart()


def test_no_entry_on_an_abstained_prediction_nor_where_the_symbol_does_not_trade() -> None:
    refusal = Seat(own.Says((KEPT, [ENTRY]))).refusal(prediction(0, None))
    assert (refusal.reason, refusal.error) == (
        "STRATEGY_ANSWER",
        f"own {SYMBOL}: an entry where none may be sent",
    )
    closed = Instrument(**drive.instrument(SYMBOL).model_dump() | {"status": "close_only"})
    assert Seat(own.Says((KEPT, [ENTRY])), closed).refusal(prediction(0, 0.9))


@pytest.mark.parametrize(
    "reason", ["edge_below_cost", "drift_hold", "held", "model_missing", "not_enough_labels"]
)
def test_whatever_a_model_abstains_for_blocks_entries_and_no_exit(reason: str) -> None:
    """Other versions may well have answered; what is served is what counts."""
    unsure = prediction(
        0,
        None,
        served=Answer("lin", None, reason),
        outputs=(Answer("lin", 0.99), Answer("qi", 0.99)),
    )
    assert Seat(own.Says((KEPT, [ENTRY]))).refusal(unsure).reason == "STRATEGY_ANSWER"
    exit = Order("sell", 5, reduce_only=True)
    (order,) = Seat(own.Says((KEPT, [exit]))).commands(unsure)
    assert isinstance(order, New) and order.reduce_only


def test_another_model_and_a_lane_that_serves_nothing_are_not_asked_about() -> None:
    for unasked in (
        prediction(0, 0.9, model="up5s.micro.all"),
        prediction(0, None, lane="heavy", served=Answer("")),
    ):
        seat = Seat(own.Says((KEPT, [ENTRY])))
        assert seat.commands(unasked) == []


def test_an_exit_needs_no_prediction() -> None:
    seat = Seat(own.Says((KEPT, [Order("sell", 5, reduce_only=True)])))
    (order,) = seat.commands(prediction(0, None))
    assert isinstance(order, New) and order.reduce_only


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (Order("buy", 0), "Expected `int` >= 1"),
        (Order("buy", -5), "Expected `int` >= 1"),
        (Order("buy", 1.5), "Expected `int`, got `float`"),  # type: ignore[arg-type]
        (Order("hold", 1), "Invalid enum value 'hold'"),  # type: ignore[arg-type]
        (Order("buy", 1, type="iceberg"), "Invalid enum value 'iceberg'"),  # type: ignore[arg-type]
        (Order("buy", 1, type="limit", price=-3), "Expected `int` >= 0"),
        (Order("buy", 1, price=10**16), "Expected `int` <= 1000000000000000"),
        (Order("buy", 10**30), "Expected `int`"),
        (Order("buy", 1, stop_loss=5, stop_loss_trail=5), "bracket.stop_loss"),
        (Order("buy", 1, take_profit=5), "bracket.stop_loss"),
        (CancelOwn("not an id!"), "target"),
        ("buy", "str is neither an Order nor a Cancel"),
    ],
)  # fmt: skip
def test_an_order_that_no_contract_allows_does_not_leave(order: Any, reason: str) -> None:
    letter = Seat(own.Says((KEPT, [ENTRY, order]))).refusal(prediction(0, 0.9))
    assert letter.reason == "STRATEGY_ANSWER"
    assert reason in letter.error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "STRATEGY_ERROR"),
        ((KEPT,), "STRATEGY_ERROR"),
        ((KEPT, 3), "STRATEGY_ERROR"),
        (({}, ()), "STRATEGY_ANSWER"),
        ((Memory(START), ()), "STRATEGY_ANSWER"),
        ((KEPT, [ENTRY] * 11), "STRATEGY_ANSWER"),
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: Any, reason: str) -> None:
    assert Seat(own.Says(answer)).refusal(prediction(0, 0.9)).reason == reason


def test_an_exception_costs_one_answer_and_leaves_the_memory() -> None:
    seat = Seat(own.Raises())
    assert not seat.commands(prediction(0, None))
    before = kept(seat)
    letter = seat.refusal(prediction(0, 0.9))
    assert letter.error == f"own {SYMBOL}: ZeroDivisionError('on_prediction')"
    assert kept(seat) == before and before["wake_at"] == START + 1


def test_a_timer_that_raises_rings_once() -> None:
    seat = Seat(own.Raises())
    seat.feed(prediction(0, None))
    outputs = seat.feed(prediction(1, 0.9))
    errors = [output.message.error.partition("(")[2] for output in outputs]
    assert errors == ["'on_timer')", "'on_prediction')"]
    assert len(seat.feed(prediction(2, 0.9))) == 1


def test_a_memory_that_a_restart_would_change_is_refused() -> None:
    class Wild(Memory, frozen=True, gc=False):
        mean: float | None = 0.0

    class Wilder(own.Says):
        memory = Wild

    letter = Seat(Wilder((Wild(mean=float("nan")), ()))).refusal(prediction(0, 0.9))
    assert "the same after a restart" in letter.error


def test_a_memory_has_a_limit() -> None:
    class Long(Memory, frozen=True, gc=False):
        text: str = ""

    class Longer(own.Says):
        memory = Long

    letter = Seat(Longer((Long(text="x" * 70_000), ()))).refusal(prediction(0, 0.9))
    assert "at most 65536" in letter.error


def test_rows_of_a_strategy_that_ran_before_are_left_alone() -> None:
    seat = Seat(own.Counter())
    seat.feed(prediction(0, 0.6))
    other = Seat(own.Silent(), name="other")
    other.tables = seat.tables
    assert not other.feed(prediction(2 * MINUTE_MS, 0.6))
    assert kept(seat)["predictions"] == 1


def test_a_question_left_out_changes_nothing() -> None:
    seat = Seat(own.Silent())
    assert not seat.feed(prediction(0, 0.9))
    assert not seat.feed(fill(1, "own:3:0:0", "0.1"))


def test_no_strategy_is_asked_about_an_unknown_symbol() -> None:
    assert not Seat(own.Raises()).feed(prediction(0, 0.9, symbol="NO/NE.WHERE"))


def test_the_broker_tells_a_strategy_of_its_fills_alone() -> None:
    stage = Stage()
    stage.accept("buy", "market", "1", strategy="own", stop_loss="49900", at=0)
    stage.accept("buy", "market", "1", at=0)
    stage.quote("50000", "50000.1", at=1)
    stage.quote("49900", "49900.1", at=2)
    told = [output for output in stage.outputs if output.topic is topics.STRATEGY_FILLS]
    assert [output.message.order_id for output in told] == ["1-0-0", "1-0-0/sl"]
    assert {output.key for output in told} == {"BTC/USD.TEST"}
    assert not any(isinstance(output.message, OrderEvent) for output in told)


def kept(seat: Seat) -> dict[str, Any]:
    """What the strategy `own` remembers of the symbol."""
    row = seat.tables.memories[f"own:{SYMBOL}"]
    memory: dict[str, Any] = msgspec.json.decode(row.memory)
    return memory
