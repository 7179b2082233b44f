"""Risk, broker and ledger together over dicts: the page's brackets in money, and random runs that must agree."""

from collections import deque
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.handler import Output
from streams import codec, control, money, topics
from streams.messages import Fill, OrderEvent
from tests.broker.exchange import SYMBOL, Stage, instrument
from tests.trading.drive import Drive, wide


class Floor:
    """One account cell and one symbol cell. Fills and events wait until delivered, each topic in its order."""

    def __init__(self, type: Any = "cash", cash: str = "1000000") -> None:
        self.stage = Stage(instrument())
        self.drive = Drive()
        self.drive.clock = self.stage.clock
        self.fills: deque[Fill] = deque()
        self.events: deque[OrderEvent] = deque()
        self.number = 0
        for record in (
            control.InstrumentRecord(instrument=instrument()),
            control.Account(account="a", type=type, mode="sim", maker_rate=200, taker_rate=1200),
            wide(),
            control.Cash(account="a", id="first", currency="USD", amount=cash),
        ):
            self.drive.control(record)

    def quote(self, bid: str, ask: str, **sizes: Any) -> None:
        """A quote, its mark, and what it made the broker do."""
        self._keep(self.stage.quote(bid, ask, **sizes))
        self.drive.clock = self.stage.clock
        known = instrument()
        self.drive.mark(SYMBOL, known.price_ticks(bid), known.price_ticks(ask))

    def trade(self, price: str, size: str) -> None:
        """A public trade by a seller."""
        self._keep(self.stage.trade(price, size))
        self.drive.clock = self.stage.clock

    def send(self, **fields: Any) -> list[Output]:
        """A command through risk to the broker."""
        self.number += 1
        outputs = self.drive.outputs(
            **{"client_order_id": f"c{self.number}", "symbol": SYMBOL} | fields
        )
        self.accept(outputs)
        return outputs

    def accept(self, outputs: list[Output]) -> None:
        """What risk accepted reaches the broker."""
        for output in outputs:
            if output.topic is topics.ACCEPTED:
                self._keep(self.stage.feed(topics.ACCEPTED.name, output.message, self.stage.clock))

    def deliver(self) -> None:
        """All that waits, fills first."""
        while self.fills:
            self.deliver_fill()
        while self.events:
            self.deliver_event()

    def deliver_fill(self) -> None:
        self.drive.send(topics.FILLS, "a", codec.encode(self.fills.popleft()))

    def deliver_event(self) -> None:
        self.drive.send(topics.EVENTS, "a", codec.encode(self.events.popleft()))

    @property
    def net(self) -> str:
        """What the account has made after fees."""
        return money.text(self.drive.tables.positions[f"a|{SYMBOL}"].net)

    def _keep(self, messages: list[Any]) -> None:
        self.fills.extend(message for message in messages if isinstance(message, Fill))
        self.events.extend(message for message in messages if isinstance(message, OrderEvent))


ENTRY = {
    "type": "market", "qty": "10",
    "bracket": {"stop_loss": {"stop_price": "49900.0"}, "take_profit": {"price": "50100.0"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("quotes", "net"),
    [
        ([("50100.0", "50100.1", {})], "298.7988"),
        ([("50150.0", "50150.1", {})], "298.7988"),
        ([("49900.0", "49900.1", {})], "-2199.8012"),
        ([("49850.0", "49850.1", {})], "-2699.2012"),
        ([("50100.0", "50100.1", {"bid_size": "4"}), ("49900.0", "49900.1", {})], "-1200.3612"),
        ([("49900.0", "49900.1", {"bid_size": "3"})], "-2200.99976"),
    ],
)
def test_bracket_in_money(quotes: list[tuple[str, str, dict[str, str]]], net: str) -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    decision = floor.send(**ENTRY)[0].message
    assert decision.outcome == "accepted"
    for bid, ask, sizes in [("50000.0", "50000.1", {}), *quotes]:
        floor.quote(bid, ask, **sizes)
        floor.deliver()
    assert floor.net == net
    balance = floor.drive.tables.balances["a|USD"]
    assert balance.cash == money.parse("1000000") + money.parse(net)
    assert (balance.reserved, balance.cost) == (0, 0)


def test_gap_through_the_stop_is_paid_to_house_and_fees() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    floor.send(**ENTRY)
    floor.quote("50000.0", "50000.1")
    floor.quote("49850.0", "49850.1")
    floor.deliver()
    totals = floor.drive.tables.totals["USD"]
    assert money.text(totals.accounts) == "997300.7988"
    assert money.text(totals.house) == "1501"
    assert money.text(totals.fees) == "1198.2012"


def test_exit_that_completes_frees_what_the_rest_of_the_entry_held() -> None:
    floor = Floor()
    floor.quote("50000.0", "50000.1")
    entry = {"type": "limit", "qty": "10", "price": "49990.0", "bracket": ENTRY["bracket"]}
    floor.send(**entry)
    floor.quote("50000.0", "50000.1")
    floor.trade("49989.9", "4")
    floor.quote("50100.0", "50100.1")
    floor.quote("49799.9", "49800.0")
    floor.deliver()
    assert floor.net == "359.928"
    assert floor.drive.tables.balances["a|USD"].reserved == 0


class FloorMachine(RuleBasedStateMachine):
    """Random commands and quotes; the ledger's own assertions run with every fill."""

    type = "cash"

    @initialize()
    def start(self) -> None:
        self.floor = Floor(self.type)
        self.price = 500_000
        self.seq = 0
        self._quote(2, 5000, 5000)

    @rule(
        side=st.sampled_from(["buy", "sell"]),
        type=st.sampled_from(["market", "limit", "stop"]),
        tif=st.sampled_from([None, "IOC", "FOK", "GTC"]),
        qty=st.integers(1, 6000),
        away=st.integers(-2000, 2000),
        reduce_only=st.sampled_from([False, False, False, True]),
        bracket=st.none() | st.none() | st.tuples(st.integers(1, 3000), st.integers(0, 3000)),
    )
    def order(
        self,
        side: str,
        type: str,
        tif: str | None,
        qty: int,
        away: int,
        reduce_only: bool,
        bracket: tuple[int, int] | None,
    ) -> None:
        known = instrument()
        price = self.price + away
        sign = 1 if side == "buy" else -1
        terms: dict[str, Any] = {"price": None}
        if type != "market":
            terms = {"price" if type == "limit" else "stop_price": known.price_text(price)}
        if bracket:
            stop, target = bracket
            terms["bracket"] = {
                "stop_loss": {"stop_price": known.price_text(price - sign * stop)},
                "take_profit": {"price": known.price_text(price + sign * target)},
            }
        self.floor.send(
            side=side,
            type=type,
            tif=None if type == "stop" else tif,
            qty=known.qty_text(qty),
            reduce_only=reduce_only and not bracket,
            **terms,
        )

    @rule(
        step=st.integers(-1500, 1500),
        spread=st.integers(1, 50),
        bid_size=st.integers(1, 4000),
        ask_size=st.integers(1, 4000),
    )
    def quote(self, step: int, spread: int, bid_size: int, ask_size: int) -> None:
        self.price = max(400_000, min(600_000, self.price + step))
        self._quote(spread, bid_size, ask_size)

    @rule(away=st.integers(-500, 500), size=st.integers(1, 3000))
    def trade(self, away: int, size: int) -> None:
        known = instrument()
        self.floor.trade(known.price_text(self.price + away), known.qty_text(size))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        accepted = [order.client_order_id for order in self.floor.drive.accepted.values()]
        target = data.draw(st.sampled_from([*accepted, *accepted, "*"]))
        self.floor.send(cmd="cancel", target=target, symbol=None)

    @rule(action=st.sampled_from(["resume", "resume", "resume", "kill"]))
    def kill(self, action: Any) -> None:
        self.seq += 1
        record = control.Kill(scope="global", action=action, reason="r", seq=self.seq)
        self.floor.accept(self.floor.drive.control(record))

    @precondition(lambda self: self.floor.fills)
    @rule()
    def deliver_fill(self) -> None:
        self.floor.deliver_fill()

    @precondition(lambda self: self.floor.events)
    @rule()
    def deliver_event(self) -> None:
        self.floor.deliver_event()

    @invariant()
    def reservations_are_those_of_open_orders(self) -> None:
        tables = self.floor.drive.tables
        held = sum(order.reserved_lot * order.remaining for _, order in tables.orders.items())
        balance = tables.balances["a|USD"]
        assert balance.reserved == held
        assert self.type == "margin" or balance.available >= 0

    def teardown(self) -> None:
        """When all is cancelled and delivered, both sides hold the same position and the same orders."""
        if not hasattr(self, "floor"):
            return
        self.kill("kill")
        self.floor.send(cmd="cancel", target="*", symbol=None)
        self._quote(2, 1, 1)
        self._quote(2, 1, 1)
        self.floor.deliver()
        tables, exchange = self.floor.drive.tables, self.floor.stage.tables.exchange
        assert list(tables.orders.items()) == []
        left = [order for _, order in exchange.orders.items() if not order.parent_id]
        assert left == []
        position = tables.positions.get(f"a|{SYMBOL}")
        assert exchange.net("a", SYMBOL) == (0 if position is None else position.qty)
        assert tables.balances["a|USD"].reserved == 0

    def _quote(self, spread: int, bid_size: int, ask_size: int) -> None:
        known = instrument()
        self.floor.quote(
            known.price_text(self.price),
            known.price_text(self.price + spread),
            bid_size=known.qty_text(bid_size),
            ask_size=known.qty_text(ask_size),
        )


class MarginFloorMachine(FloorMachine):
    """The same with shorts."""

    type = "margin"


QUICK = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
FloorMachine.TestCase.settings = QUICK
MarginFloorMachine.TestCase.settings = QUICK
TestCashFloor = FloorMachine.TestCase
TestMarginFloor = MarginFloorMachine.TestCase
