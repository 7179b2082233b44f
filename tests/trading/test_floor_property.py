"""Random commands and quotes through risk, broker and ledger: reserved is what may fill, and both sides agree."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streams import control
from streams.orders import time_text
from tests.broker.exchange import SYMBOL, instrument
from tests.support.machine import at_length, briefly
from tests.trading.floor import Floor


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
        type=st.sampled_from(["market", "limit", "limit", "stop", "stop_limit", "trailing_stop"]),
        tif=st.sampled_from([None, "IOC", "FOK", "GTC", "GTD"]),
        qty=st.integers(1, 6000),
        away=st.integers(-2000, 2000),
        reduce_only=st.sampled_from([False, False, False, True]),
        bracket=st.none() | st.none() | st.tuples(st.integers(1, 3000), st.integers(0, 3000)),
        group=st.sampled_from([None, None, None, "oco", "ouo"]),
        post_only=st.sampled_from([False, False, True]),
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
        group: str | None,
        post_only: bool,
    ) -> None:
        known = instrument()
        price = self.price + away
        sign = 1 if side == "buy" else -1
        terms: dict[str, Any] = {"price": None}
        if type in ("limit", "stop_limit"):
            terms["price"] = known.price_text(price)
        if type in ("stop", "stop_limit"):
            terms["stop_price"] = known.price_text(price)
        if type == "trailing_stop":
            terms["trail"] = {"ticks": abs(away) + 1} if away % 2 else {"bps": abs(away) % 300 + 1}
        if tif == "GTD" and tif in _times(type):
            terms["expire_at"] = time_text(self.floor.stage.clock + 3 * 10**9)
        if type == "limit":
            terms["post_only"] = post_only and tif in (None, "GTC", "GTD")
        if group and not bracket:
            terms["group"] = {"id": "g", "kind": group}
        if bracket:
            stop, target = bracket
            terms["bracket"] = {
                "stop_loss": {"stop_price": known.price_text(price - sign * stop)},
                "take_profit": {"price": known.price_text(price + sign * target)},
            }
        self.floor.send(
            side=side,
            type=type,
            tif=tif if tif in _times(type) else None,
            qty=known.qty_text(qty),
            reduce_only=reduce_only and not bracket,
            **terms,
        )

    @rule(
        data=st.data(),
        qty=st.none() | st.integers(1, 6000),
        away=st.none() | st.integers(-2000, 2000),
        exit=st.sampled_from(["", "", "/sl", "/tp"]),
    )
    def replace(self, data: st.DataObject, qty: int | None, away: int | None, exit: str) -> None:
        accepted = list(self.floor.drive.accepted.values())
        if not accepted:
            return
        known, order = instrument(), data.draw(st.sampled_from(accepted))
        price = None if away is None else known.price_text(self.price + away)
        is_stop = order.type in ("stop", "stop_limit") or exit == "/sl"
        self.floor.send(
            cmd="replace",
            symbol=None,
            target=order.client_order_id + exit,
            qty=None if qty is None or exit else known.qty_text(qty),
            price=None if exit == "/sl" or (order.type == "stop" and not exit) else price,
            stop_price=price if is_stop and exit != "/tp" else None,
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
        target = data.draw(st.sampled_from(accepted or ["*"]))
        self.floor.send(cmd="cancel", target=target, symbol=None)

    @rule(action=st.sampled_from([*["resume"] * 6, "kill", "flatten"]))
    def kill(self, action: str) -> None:
        self.seq += 1
        record = control.Kill(
            scope="global",
            action="resume" if action == "resume" else "kill",
            reason="r",
            seq=self.seq,
            flatten=action == "flatten",
        )
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


def _times(type: str) -> tuple[str | None, ...]:
    """Times in force that go with a type."""
    if type == "market":
        return None, "IOC", "FOK", "GTC"
    return (None, "IOC", "FOK", "GTC", "GTD") if type == "limit" else (None, "GTC", "GTD")


class MarginFloorMachine(FloorMachine):
    """The same with shorts."""

    type = "margin"


MACHINES = (FloorMachine, MarginFloorMachine)


@pytest.mark.parametrize("machine", MACHINES)
def test_both_sides_agree(machine: type[FloorMachine]) -> None:
    briefly(machine, 20)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("machine", MACHINES)
def test_both_sides_agree_at_length(machine: type[FloorMachine]) -> None:
    at_length(machine)
