"""The worked examples of brackets: market in, fills and money out, to the last digit."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from streams.messages import Fill
from tests.broker.exchange import Stage

ENTRY = "1-0-0"
STOP, PROFIT = f"{ENTRY}/sl", f"{ENTRY}/tp"


def net(fills: list[Fill]) -> Fraction:
    """Realised money after fees of fills that end flat."""
    position, cash = Fraction(0), Fraction(0)
    for fill in fills:
        sign = 1 if fill.side == "buy" else -1
        position += sign * Fraction(fill.qty)
        cash -= sign * Fraction(fill.price) * Fraction(fill.qty) + Fraction(fill.fee)
    assert position == 0
    return cash


def entered(ask_size: str = "1000") -> Stage:
    """Buy 10 at market with stop 49,900.0 and take profit 50,100.0, filled from ask 50,000.1."""
    stage = Stage()
    stage.accept("buy", "market", "10", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1", ask_size=ask_size)
    return stage


def profit_taken(stage: Stage) -> None:
    stage.quote("50100", "50100.1")


def profit_gapped(stage: Stage) -> None:
    stage.quote("50150", "50150.1")


def stopped(stage: Stage) -> None:
    stage.quote("49900", "49900.1")


def stop_gapped(stage: Stage) -> None:
    stage.quote("49850", "49850.1")


def half_and_half(stage: Stage) -> None:
    stage.quote("50100", "50100.1", bid_size="4")
    stage.quote("49900", "49900.1")


def stop_walks(stage: Stage) -> None:
    stage.quote("49900", "49900.1", bid_size="3")


def reduced_from_outside(stage: Stage) -> None:
    stage.accept("sell", "market", "4", reduce_only=True)
    stage.quote("50020", "50020.1")
    stage.quote("49900", "49900.1")


@pytest.mark.parametrize(
    ("market", "ask_size", "exits", "money"),
    [
        (profit_taken, "1000", [(PROFIT, "10", "50100")], "298.7988"),
        (profit_gapped, "1000", [(PROFIT, "10", "50100")], "298.7988"),
        (stopped, "1000", [(STOP, "10", "49900")], "-2199.8012"),
        (stop_gapped, "1000", [(STOP, "10", "49850")], "-2699.2012"),
        (half_and_half, "1000", [(PROFIT, "4", "50100"), (STOP, "6", "49900")], "-1200.3612"),
        (
            stop_walks,
            "1000",
            [(STOP, "3", "49900"), (STOP, "3", "49899.9"), (STOP, "3", "49899.8")]
            + [(STOP, "1", "49899.7")],
            "-2200.99976",
        ),
        (profit_taken, "4", [(PROFIT, "10", "50100")], "297.99784"),
        (reduced_from_outside, "1000", [("1-0-1", "4", "50020"), (STOP, "6", "49900")], "-1720.3772"),
    ],
)  # fmt: skip
def test_bracket_ends_with_the_published_money(
    market: Callable[[Stage], None],
    ask_size: str,
    exits: list[tuple[str, str, str]],
    money: str,
) -> None:
    stage = entered(ask_size)
    market(stage)
    sold = [fill for fill in stage.fills if fill.side == "sell"]
    assert [(fill.order_id, fill.qty, fill.price) for fill in sold] == exits
    assert net(stage.fills) == Fraction(money)
    assert not dict(stage.tables.exchange.orders.items())
    assert not dict(stage.tables.exchange.brackets.items())


@pytest.mark.parametrize(
    ("bids", "price", "money"),
    [
        (["50100", "50250", "50180", "50150"], "50150", "297.1988"),
        (["50100", "50250", "50020"], "50020", "-1001.2412"),
    ],
)
def test_trailing_stop_ends_with_the_published_money(
    bids: list[str], price: str, money: str
) -> None:
    stage = Stage()
    stage.accept("buy", "market", "10", stop_loss_trail_ticks=1000)
    stage.quote("50000", "50000.1")
    for bid in bids:
        assert len(stage.fills) == 1
        stage.quote(bid, f"{bid}.1")
    assert stage.filled(1) == [(STOP, "10", price, "taker", "STOP")]
    assert net(stage.fills) == Fraction(money)


def test_gap_through_the_stop_leaves_the_published_accounts() -> None:
    stage = entered()
    stop_gapped(stage)
    fees = sum(Fraction(fill.fee) for fill in stage.fills)
    account = 1_000_000 + net(stage.fills)
    assert account == Fraction("997300.7988")
    assert (1_000_000 - account - fees, fees) == (Fraction(1501), Fraction("1198.2012"))


def test_entry_walks_a_thin_book_and_arms_its_exits_leg_by_leg() -> None:
    stage = entered(ask_size="4")
    assert stage.filled() == [
        (ENTRY, "4", "50000.1", "taker", "TAKER"),
        (ENTRY, "4", "50000.2", "taker", "WALK"),
        (ENTRY, "2", "50000.3", "taker", "WALK"),
    ]
    assert stage.life(STOP) == ["HELD", "ARMED", "RESTATED", "RESTATED"]
    assert [event.qty for event in stage.events if event.order_id == STOP] == ["10", "4", "8", "10"]


def test_take_profit_is_a_maker_and_stop_a_taker() -> None:
    won, lost = entered(), entered()
    profit_gapped(won)
    stop_gapped(lost)
    assert won.filled(1) == [(PROFIT, "10", "50100", "maker", "THROUGH_QUOTE")]
    assert lost.filled(1) == [(STOP, "10", "49850", "taker", "STOP")]
    assert won.life(STOP)[-1] == lost.life(PROFIT)[-1] == "CANCELLED EXIT_COMPLETE"


def test_fill_of_one_exit_restates_the_other_before_anything_else() -> None:
    stage = entered()
    half_and_half(stage)
    kinds = [(event.order_id, event.type, event.remaining) for event in stage.events]
    filled = kinds.index((PROFIT, "PARTIALLY_FILLED", "6"))
    assert kinds[filled + 1] == (STOP, "RESTATED", "6")


def test_complete_exit_cancels_the_rest_of_the_entry_for_good() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1")
    stage.trade("49989.9", "4")
    stage.quote("50100", "50100.1")
    stage.quote("49799.9", "49800")
    assert stage.filled() == [
        (ENTRY, "4", "49990", "maker", "THROUGH_TRADE"),
        (PROFIT, "4", "50100", "maker", "THROUGH_QUOTE"),
    ]
    assert stage.life(ENTRY) == ["WORKING", "PARTIALLY_FILLED", "CANCELLED EXIT_COMPLETE"]
    assert net(stage.fills) == Fraction("359.928")


def test_entry_whose_stop_is_crossed_at_activation_never_fills() -> None:
    stage = Stage()
    stage.accept("buy", "market", "10", stop_loss="49900", take_profit="50100")
    stage.quote("49895", "49895.1")
    assert stage.life(ENTRY) == ["CANCELLED STOP_CROSSED"]
    assert stage.life(STOP) == stage.life(PROFIT) == ["HELD", "CANCELLED PARENT_ENDED"]
    assert not stage.fills


def test_resting_entry_gapped_through_with_its_stop_is_stopped_out_in_the_same_event() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1")
    stage.quote("49850", "49850.1", ask_size="4")
    assert stage.filled() == [
        (ENTRY, "4", "49990", "maker", "THROUGH_QUOTE"),
        (STOP, "4", "49850", "taker", "STOP"),
    ]
    assert stage.life(ENTRY)[-1] == "CANCELLED STOP_CROSSED"


def test_entry_filled_by_a_trade_below_its_stop_is_stopped_out_by_the_next_quote() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900")
    stage.quote("50000", "50000.1")
    stage.quote("49890", "50000.1")
    stage.trade("49989.9", "4")
    assert stage.life(ENTRY)[-1] == "CANCELLED STOP_CROSSED"
    assert stage.life(STOP) == ["HELD", "ARMED", "TRIGGERED"]
    stage.quote("49950", "50000.1")
    assert stage.filled(1) == [(STOP, "4", "49950", "taker", "STOP")]


def test_stop_armed_by_a_trade_is_deaf_to_a_quote_older_than_it() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900", at=0)
    stage.quote("50000", "50000.1", at=10)
    stage.trade("49989.9", "4", at=30)
    stage.quote("49850", "50000.1", at=20)
    assert stage.life(STOP) == ["HELD", "ARMED"]
    stage.quote("49850", "49850.1", ask_size="2", at=25)
    assert [fill.order_id for fill in stage.fills] == [ENTRY, ENTRY]
    assert stage.life(STOP)[-2:] == ["RESTATED", "TRIGGERED"]
    stage.quote("49840", "49840.1", at=30)
    assert stage.filled(2) == [(STOP, "6", "49840", "taker", "STOP")]


def test_cancel_of_a_partly_filled_entry_keeps_its_exits() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1")
    stage.trade("49989.9", "4")
    stage.cancel(ENTRY)
    stage.quote("50000", "50000.1")
    assert stage.life(ENTRY)[-1] == "CANCELLED CLIENT"
    stopped(stage)
    assert stage.filled(1) == [(STOP, "4", "49900", "taker", "STOP")]


def test_cancel_of_an_unfilled_entry_ends_its_exits() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "10", price="49990", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1")
    stage.cancel(ENTRY, reason="KILLED")
    assert stage.life(STOP) == stage.life(PROFIT) == ["HELD", "CANCELLED PARENT_ENDED"]


@pytest.mark.parametrize("reason", ["CLIENT", "KILLED"])
def test_protective_stop_cannot_be_cancelled(reason: str) -> None:
    stage = entered()
    stage.cancel(STOP, reason=reason)
    assert stage.life(STOP)[-1] == "CANCEL_REJECTED PROTECTION_REQUIRED"
    stopped(stage)
    assert stage.fills[-1].order_id == STOP


def test_take_profit_can_be_cancelled_and_the_stop_stays() -> None:
    stage = entered()
    stage.cancel(PROFIT)
    stage.quote("50000", "50000.1")
    stage.quote("50150", "50150.1")
    assert stage.life(PROFIT)[-1] == "CANCELLED CLIENT"
    stopped(stage)
    assert stage.filled(1) == [(STOP, "10", "49900", "taker", "STOP")]


def test_position_reduced_from_outside_shrinks_the_newest_bracket_first() -> None:
    stage = entered()
    newer = stage.accept("buy", "market", "5", stop_loss="49900", take_profit="50100")
    stage.quote("50000", "50000.1", ask_size="2000")
    stage.accept("sell", "market", "7")
    stage.quote("50020", "50020.1")
    assert stage.life(f"{newer}/sl")[-1] == "CANCELLED EXIT_COMPLETE"
    resting = dict(stage.tables.exchange.orders.items())
    assert resting[STOP].remaining == resting[PROFIT].remaining == 8_000


def test_bracket_of_a_short_is_the_mirror() -> None:
    stage = Stage()
    stage.accept("sell", "market", "10", stop_loss="50100", take_profit="49900")
    stage.quote("50000", "50000.1")
    stage.quote("50149.9", "50150")
    assert stage.filled() == [
        (ENTRY, "10", "50000", "taker", "TAKER"),
        (STOP, "10", "50150", "taker", "STOP"),
    ]


def test_protective_stop_that_runs_out_of_size_keeps_working_and_ends_its_entry() -> None:
    stage = Stage()
    stage.accept("buy", "limit", "100", price="49990", stop_loss="49900")
    stage.quote("50000", "50000.1")
    stage.trade("49989.9", "40")
    stage.quote("49900", "49995", bid_size="1")
    assert stage.life(ENTRY)[-1] == "CANCELLED STOP_CROSSED"
    stage.quote("49950", "49950.1")
    assert sum(Fraction(fill.qty) for fill in stage.fills if fill.order_id == STOP) == 40
    assert stage.fills[-1].price == "49950"
