"""Mean reversion: enters far from the mean, once, not against the model, and leaves by the clock."""

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.strategies import Reversion
from streams import money
from streams.orders import New
from streams.predictions import Prediction
from tests.market.drive import SYMBOL
from tests.strategy.seat import Seat, fill, prediction

STRATEGY = Reversion(half_life_s=10.0, notional=1_000)
SECOND_MS = 1_000


def mid(seconds: float, off: int, p: float | None = 0.5) -> Prediction:
    """A mid `off` ticks from 60,000.00."""
    mid2 = 12_000_000 + 2 * off
    return prediction(int(seconds * SECOND_MS), p, mid2=mid2, bid=mid2 // 2 - 1, ask=mid2 // 2 + 1)


def weighted(offs: list[int]) -> tuple[float, float]:
    """Mean and deviation of values a second apart, whose weights halve every ten seconds."""
    keep = 0.5**0.1
    ages = range(len(offs))[::-1]
    weights = [keep ** ages[0], *((1 - keep) * keep**age for age in ages[1:])]
    mean = sum(weight * off for weight, off in zip(weights, offs, strict=True))
    square = sum(weight * off * off for weight, off in zip(weights, offs, strict=True))
    return mean, math.sqrt(square - mean**2)


def warm(strategy: Reversion = STRATEGY, name: str = "reversion") -> Seat:
    """A seat that has seen 40 s of a mid that goes 100 ticks up and down."""
    seat = Seat(strategy, name=name)
    for second in range(40):
        assert not seat.commands(mid(second, 100 if second % 2 else -100))
    return seat


def test_a_price_far_below_its_mean_is_bought_with_the_mean_as_target() -> None:
    (order,) = warm().commands(mid(40, -1_000))
    assert isinstance(order, New) and order.bracket and order.bracket.take_profit
    assert (order.side, order.type, order.qty) == ("buy", "market", "0.01666")
    mean, deviation = weighted([*(100 if second % 2 else -100 for second in range(40)), -1_000])
    profit, loss = -1_000 + math.ceil(mean + 1_000), -1_000 - math.ceil(2 * deviation)
    assert order.bracket.take_profit.price == money.text((6_000_000 + profit) * 10**16)
    assert order.bracket.stop_loss.stop_price == money.text((6_000_000 + loss) * 10**16)


@pytest.mark.parametrize("off", [-150, 150, 1_000])
def test_a_price_near_its_mean_or_above_it_is_left_alone(off: int) -> None:
    assert not warm().commands(mid(40, off))


def test_a_high_price_is_sold_where_shorts_are_allowed() -> None:
    (order,) = warm(replace(STRATEGY, short=True)).commands(mid(40, 1_000))
    assert isinstance(order, New) and order.side == "sell"


@pytest.mark.parametrize("p", [None, 0.49])
def test_no_entry_on_an_abstain_or_against_the_model(p: float | None) -> None:
    assert not warm().commands(mid(40, -1_000, p))


def test_no_entry_before_the_mean_is_known() -> None:
    seat = Seat(STRATEGY)
    for second in range(20):
        assert not seat.commands(mid(second, -1_000 if second > 10 else 0))


def test_one_entry_at_a_time() -> None:
    seat = warm()
    assert len(seat.commands(mid(40, -1_000))) == 1
    assert not seat.commands(mid(41, -2_000))


def entered() -> tuple[Seat, str]:
    seat = warm()
    (order,) = seat.commands(mid(40, -1_000))
    bought(seat, 40.5, order.client_order_id, "0.01666")
    return seat, order.client_order_id


def bought(seat: Seat, second: float, of: str, qty: str, **changed: Any) -> None:
    assert not seat.commands(
        fill(int(second * SECOND_MS), of, qty, strategy="reversion", **changed)
    )


def test_what_is_still_open_after_its_time_is_closed_at_market() -> None:
    seat, _ = entered()
    assert not seat.commands(mid(99, -1_000, None))
    (leave,) = seat.commands(mid(100, -1_000, None))
    assert isinstance(leave, New)
    assert (leave.side, leave.qty, leave.reduce_only) == ("sell", "0.01666", True)
    assert leave.bracket is None


def test_an_exit_that_fills_stops_the_clock() -> None:
    seat, entry = entered()
    bought(seat, 50, f"{entry}/tp", "0.01", side="sell")
    bought(seat, 51, f"{entry}/tp", "0.00666", side="sell")
    assert not seat.commands(mid(100, -1_000, None))
    assert (row(seat)["lots"], row(seat)["wake_at"]) == (0, 0)


def test_an_exit_that_never_fills_is_given_up_and_the_next_entry_is_free() -> None:
    seat, _ = entered()
    assert len(seat.commands(mid(100, 0, None))) == 1
    assert not seat.commands(mid(160, 0, None))
    assert len(seat.commands(mid(161, -30_000))) == 1


def row(seat: Seat) -> dict[str, Any]:
    kept = seat.tables.memories[f"reversion:{SYMBOL}"]
    memory: dict[str, Any] = msgspec.json.decode(kept.memory)
    return memory
