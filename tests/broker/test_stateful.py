"""The exchange as a state machine: Hypothesis chooses every command and tick, and shrinks what goes wrong."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from tests.broker.compare import Pair
from tests.broker.histories import MIDDLE, Market, known
from tests.support.machine import at_length, briefly

prices = st.integers(MIDDLE - 6, MIDDLE + 6)
trails = st.sampled_from([(1, 0), (3, 0), (0, 50)])
triggers = st.sampled_from(["quote", "trade", "mark"])
ORDERS = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["buy", "sell"]),
        "type": st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
        "tif": st.sampled_from(["GTC", "GTD", "IOC", "FOK"]),
        "expires": st.integers(1, 12),
        "qty": st.sampled_from([1, 4, 9, 30]),
        "price": prices,
        "away": st.integers(-2, 2),
        "protection": st.sampled_from([0, 2]),
        "reduce_only": st.booleans(),
        "post_only": st.booleans(),
        "trigger": triggers,
        "trail": trails,
        "bracket": st.sampled_from(["", "stop", "both", "trail"]),
        "stop_trigger": triggers,
        "distance": st.integers(1, 7),
        "account": st.sampled_from(["a", "b"]),
        "group": st.sampled_from(["", "oco", "ouo", "oto"]),
        "which": st.integers(0, 3),
        "mode": st.just("sim"),
    }
)
exits = st.sampled_from(["", "/sl", "/tp"])
CANCELS = st.fixed_dictionaries(
    {
        "which": st.integers(0, 9),
        "exit": exits,
        "reason": st.sampled_from(["CLIENT", "KILLED", "FLATTENED"]),
    }
)
REPLACES = st.fixed_dictionaries(
    {
        "which": st.integers(0, 9),
        "exit": exits,
        "qty": st.sampled_from([0, 1, 5, 12]),
        "price": st.one_of(st.just(0), prices),
        "stop_price": st.one_of(st.just(0), prices),
        "trail": st.sampled_from([(0, 0), (2, 0), (0, 90)]),
    }
)
sizes = st.sampled_from([0, 2, 3, 5, 12])
QUOTES = st.fixed_dictionaries(
    {
        "bid": prices,
        "spread": st.sampled_from([1, 1, 2, 3, 0, -1]),
        "sizes": st.tuples(sizes, sizes),
        "flags": st.sampled_from(["", "", "", "repeat", "stale", "suspect"]),
        "later": st.sampled_from([0, 1, 2, -1]),
        "sequence": st.sampled_from([1, -5]),
    }
)
TRADES = st.fixed_dictionaries(
    {
        "price": prices,
        "size": st.sampled_from([0, 1, 4, 12]),
        "side": st.sampled_from(["buy", "sell", ""]),
        "later": st.sampled_from([0, 1, -1, 3000]),
        "flags": st.sampled_from(["", "", "suspect"]),
    }
)


class ExchangeMachine(RuleBasedStateMachine):
    """Commands, ticks and restarts in any order."""

    @initialize(models=st.integers(0, 4))
    def begin(self, models: int) -> None:
        self.pair, self.market, self.number = Pair(known(models)), Market(), 0

    @rule(drawn=ORDERS)
    def order(self, drawn: dict[str, Any]) -> None:
        self._feed("order", drawn)

    @rule(drawn=CANCELS)
    def cancel(self, drawn: dict[str, Any]) -> None:
        self._feed("cancel", drawn)

    @rule(drawn=REPLACES)
    def replace(self, drawn: dict[str, Any]) -> None:
        self._feed("replace", drawn)

    @rule(first=QUOTES, second=QUOTES)
    def quotes(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        self._feed("quote", first)
        self._feed("quote", second)

    @rule(drawn=TRADES)
    def trade(self, drawn: dict[str, Any]) -> None:
        self._feed("trade", drawn)

    @rule()
    def restart(self) -> None:
        self.pair.stage.restart()

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.check_end()

    def _feed(self, kind: str, drawn: dict[str, Any]) -> None:
        self.pair.feed(*self.market.record(kind, drawn, self.number))
        self.number += 1


def test_any_commands_and_ticks_leave_engine_and_twin_equal() -> None:
    briefly(ExchangeMachine, 60, steps=30)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_any_of_very_many_commands_and_ticks_leave_engine_and_twin_equal() -> None:
    at_length(ExchangeMachine)
