"""Random commands, fills, cancels, kills and restarts against a naive twin: the books agree after every step."""

from fractions import Fraction
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

from streams import control, money
from tables.account_tables import AccountTables
from tests.support.machine import at_length, briefly
from tests.trading.drive import BTC, ready, replaces
from tests.trading.twin import LOT_TICK, BrokerOrder, Terms, Twin, exit_side

DEPOSIT = 30_000
QTY = st.integers(1, 120)
SELDOM = st.sampled_from([False, False, False, True])
ACTION = st.sampled_from(["resume", "resume", "resume", "kill"])
PRICE = st.integers(4_900_000, 5_100_000)
EXIT_RATE = 2600


class AccountMachine(RuleBasedStateMachine):
    """One account of one cell; the broker delivers fills and events each in order, but not with each other."""

    type = "cash"

    @initialize()
    def start(self) -> None:
        self.drive = ready(cash=str(DEPOSIT), type=self.type)
        self.twin = Twin(self.type == "cash", Fraction(DEPOSIT))
        self.number = 0
        self.seq = 0
        self.last: dict[str, Any] = {}

    @rule(
        side=st.sampled_from(["buy", "sell"]),
        type=st.sampled_from(["limit", "market", "stop"]),
        qty=QTY,
        price=PRICE,
        reduce_only=SELDOM,
    )
    def order(self, side: str, type: str, qty: int, price: int, reduce_only: bool) -> None:
        self.number += 1
        text = BTC.price_text(price)
        prices = {"limit": {"price": text}, "stop": {"stop_price": text}, "market": {}}[type]
        self.last = {
            "client_order_id": f"c{self.number}", "side": side, "type": type,
            "qty": BTC.qty_text(qty), "reduce_only": reduce_only, **prices,
        }  # fmt: skip
        decision = self.drive.order(**self.last)
        if decision.outcome == "accepted":
            accepted = self.drive.accepted[decision.order_id]
            lot = self._lot(side, accepted.price or accepted.protection)
            reducing = side == "sell" and self.twin.position > 0
            if self.type == "cash":
                assert Fraction(decision.reserved) == lot * qty
                assert lot * qty <= self.twin.cash - self.twin.reserved
                assert side == "buy" or reducing
            assert not self.twin.killed or reduce_only or self._opposes(side)
            assert (accepted.maker_rate, accepted.taker_rate) == self.twin.rates
            limit = accepted.price or accepted.protection
            terms = Terms(qty, limit, Fraction(decision.reserved) / qty)
            self.twin.orders[decision.order_id] = BrokerOrder(
                accepted, self.twin.rates, terms, terms
            )
        elif decision.reason == "KILLED":
            assert self.twin.killed
        elif decision.reason == "INSUFFICIENT_CASH":
            worst = {"limit": price, "stop": price * 101 // 100, "market": 5_050_000}[type]
            assert self._lot(side, worst) * qty > self.twin.cash - self.twin.reserved
        elif decision.reason == "NO_POSITION":
            assert reduce_only and not self._opposes(side)
        else:
            assert decision.reason in ("INSUFFICIENT_POSITION", "INSUFFICIENT_MARGIN")

    @rule(data=st.data(), maker=st.booleans())
    def broker_fills(self, data: st.DataObject, maker: bool) -> None:
        live = [order for order in self.twin.orders.values() if not order.ended]
        if not live:
            return
        order = data.draw(st.sampled_from(live))
        most = order.terms.qty - order.filled
        if order.accepted.reduce_only:
            most = min(most, max(0, -order.side * self.twin.broker_position))
        if not most:
            return
        qty = data.draw(st.integers(1, most))
        limit = order.terms.limit
        better = data.draw(st.integers(0, 50_000))
        price = (limit or 5_000_000) - order.side * better
        order.filled += qty
        self.twin.pending_fills.append((order.accepted.order_id, qty, price, maker))
        if order.filled == order.terms.qty:
            self._end(order, "FILLED")

    @rule(data=st.data(), state=st.sampled_from(["CANCELLED", "EXPIRED", "REJECTED"]))
    def broker_ends(self, data: st.DataObject, state: str) -> None:
        live = [order for order in self.twin.orders.values() if not order.ended]
        if live:
            self._end(data.draw(st.sampled_from(live)), state)

    @rule(share=st.integers(1, 4), price=PRICE)
    def exit_fills(self, share: int, price: int) -> None:
        """A bracket's child, which the account side does not know, reduces what is left at the broker."""
        held = self.twin.broker_position
        qty = abs(held) // share
        if qty:
            name = "/sell" if held > 0 else "/buy"
            self.twin.pending_fills.append((name, qty, price, False))

    @precondition(lambda self: self.twin.pending_fills)
    @rule()
    def deliver_fill(self) -> None:
        order_id, qty, price, maker = self.twin.pending_fills.popleft()
        order = self.twin.orders.get(order_id)
        if order is None:
            side = exit_side(order_id)
            self.drive.book(
                qty=qty, price=price, side="buy" if side > 0 else "sell", fee_rate=EXIT_RATE
            )
            rate = EXIT_RATE
        else:
            side, rate = order.side, order.rates[0 if maker else 1]
            self.drive.fill(order_id, qty, price, maker)
            order.reported += qty
            order.settle()
        fee = qty * price * LOT_TICK * rate / 1_000_000
        self.twin.fills.append((side, qty, price, fee))

    @precondition(lambda self: self.twin.pending_events)
    @rule()
    def deliver_event(self) -> None:
        order_id, state, filled = self.twin.pending_events.popleft()
        order = self.twin.orders[order_id]
        if state == "REPLACED":
            order.settles = filled
            order.settle()
            self.drive.event(order_id, state, "WORKING", filled)
        elif state == "REPLACE_REJECTED":
            order.told_asked = None
            self.drive.event(order_id, state, "WORKING", filled)
        else:
            self.drive.ended(order_id, state, filled)  # type: ignore[arg-type] # a str from the draw
            order.end_reported = True

    @rule(data=st.data(), qty=QTY, price=PRICE, both=st.booleans())
    def replace(self, data: st.DataObject, qty: int, price: int, both: bool) -> None:
        """Another quantity, and for a limit perhaps another price; the broker answers later or never."""
        orders = list(self.twin.orders.values())
        if not orders:
            return
        order = data.draw(st.sampled_from(orders))
        self.number += 1
        fields = {"qty": BTC.qty_text(qty)}
        if both and order.accepted.type == "limit":
            fields["price"] = BTC.price_text(price)
        outputs = self.drive.outputs(
            cmd="replace",
            client_order_id=f"c{self.number}",
            target=order.accepted.client_order_id,
            **fields,
        )
        decision = outputs[0].message
        if decision.outcome != "accepted":
            assert decision.reason in (
                "ORDER_TERMINAL", "CANCEL_PENDING", "REPLACE_PENDING", "KILLED", "NO_POSITION",
                "INSUFFICIENT_CASH", "INSUFFICIENT_MARGIN", "INSUFFICIENT_POSITION",
            )  # fmt: skip
            return
        assert order.told_asked is None and not order.end_reported
        (sent,) = replaces(outputs)
        limit = sent.price or sent.protection or order.terms.limit
        if order.accepted.type != "limit" and not sent.protection:
            limit = 0  # an exit by now
        order.told_asked = Terms(sent.qty, limit, Fraction(sent.reserved_lot))
        if not order.ended:
            order.asked = order.told_asked

    @rule(data=st.data(), agrees=st.booleans())
    def broker_answers_a_replace(self, data: st.DataObject, agrees: bool) -> None:
        asked = [o for o in self.twin.orders.values() if o.asked is not None and not o.ended]
        if not asked:
            return
        order = data.draw(st.sampled_from(asked))
        terms, order.asked = order.asked, None
        assert terms is not None
        if agrees and terms.qty <= order.filled:
            self._end(order, "CANCELLED")
            return
        if agrees:
            order.terms = terms
        word = "REPLACED" if agrees else "REPLACE_REJECTED"
        self.twin.pending_events.append((order.accepted.order_id, word, order.filled))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A cancel moves no money, whatever it names."""
        self.number += 1
        ids = [order.accepted.client_order_id for order in self.twin.orders.values()]
        target = data.draw(st.sampled_from([*ids, "never"]))
        decision = self.drive.order(cmd="cancel", target=target, client_order_id=f"c{self.number}")
        assert decision.outcome == "accepted" or decision.reason in (
            "UNKNOWN_ORDER", "ORDER_TERMINAL", "CANCEL_PENDING",
        )  # fmt: skip
        assert (decision.reason == "UNKNOWN_ORDER") == (target == "never")

    @rule(action=ACTION, scope=st.sampled_from(["global", "account:a"]))
    def kill(self, action: Any, scope: str) -> None:
        self.seq += 1
        self.drive.control(control.Kill(scope=scope, action=action, reason="r", seq=self.seq))
        kills = self.drive.tables.kills
        latched = [kills.get(name) for name in ("global", "account:a")]
        self.twin.killed = any(kill is not None and kill.action == "kill" for kill in latched)

    @rule(amount=st.integers(1, 500))
    def deposit(self, amount: int) -> None:
        self.number += 1
        record = control.Cash(account="a", id=str(self.number), currency="USD", amount=str(amount))
        self.drive.control(record)
        self.twin.deposits += amount

    @rule()
    def restart(self) -> None:
        """Commit, and come back from the changelog."""
        self.drive.commit()
        fresh = AccountTables(0)
        for old, new in zip(self.drive.tables.all(), fresh.all(), strict=True):
            for key, value in old.items():
                old.put(key, value)
            for name, data in old.seal():
                new.load(name.decode().partition("|")[2], data)
        self.drive.tables = fresh

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        """The last order again, word for word: it is answered and nothing else."""
        (answer,) = self.drive.outputs(**self.last)
        assert answer.message.outcome == "duplicate"

    @invariant()
    def books_agree(self) -> None:
        tables, twin = self.drive.tables, self.twin
        balance = tables.balances["a|USD"]
        assert Fraction(balance.cash, money.UNIT) == twin.cash
        assert Fraction(balance.reserved, money.UNIT) == twin.reserved
        held = sum(order.reserved_lot * order.remaining for _, order in tables.orders.items())
        assert balance.reserved == held
        totals = tables.totals["USD"]
        assert totals.accounts + totals.house + totals.fees == totals.deposits
        assert Fraction(totals.fees, money.UNIT) == twin.fees
        if twin.is_cash:
            assert balance.available >= 0

    @invariant()
    def position_agrees(self) -> None:
        position = self.drive.tables.positions.get(f"a|{BTC.symbol}")
        if position is None:
            assert not self.twin.fills
            return
        cost, gross, reductions = self.twin.cost_and_gross()
        within = Fraction(reductions, money.UNIT)
        assert position.qty == self.twin.position
        assert abs(Fraction(position.cost, money.UNIT) - cost) <= within
        assert abs(Fraction(position.gross, money.UNIT) - gross) <= within
        if position.qty == 0:
            assert (position.cost, Fraction(position.gross, money.UNIT)) == (0, gross)
        if self.twin.is_cash:
            assert position.qty >= 0

    @invariant()
    def open_lots_agree(self) -> None:
        counted = self.drive.tables.open_lots.get(f"a|{BTC.symbol}")
        orders = [order for _, order in self.drive.tables.orders.items() if not order.reduce_only]
        for side in (1, -1):
            lots = sum(order.remaining for order in orders if order.side == side)
            exits = sum(o.remaining for o in orders if o.side == side and o.reducing)
            assert lots == (0 if counted is None else counted.buys if side > 0 else counted.sells)
            assert exits == (0 if counted is None else counted.reducing(side))
        live = {order_id for order_id, order in self.drive.tables.orders.items() if order.is_live}
        assert set(self.drive.tables.open_orders.of("a")) == live

    def teardown(self) -> None:
        """Once the broker has ended everything and all is delivered, nothing is reserved."""
        if not hasattr(self, "twin"):
            return
        for order in self.twin.orders.values():
            if not order.ended:
                self._end(order, "CANCELLED")
        while self.twin.pending_fills:
            self.deliver_fill()
        while self.twin.pending_events:
            self.deliver_event()
        assert self.drive.tables.balances["a|USD"].reserved == 0
        assert list(self.drive.tables.orders.items()) == []

    def _end(self, order: BrokerOrder, state: str) -> None:
        order.ended = True
        self.twin.pending_events.append((order.accepted.order_id, state, order.filled))

    def _opposes(self, side: str) -> bool:
        return (1 if side == "buy" else -1) * self.twin.position < 0

    def _lot(self, side: str, price: int) -> Fraction:
        """What a cash account reserves a lot: a buy its worst price and the taker fee on it."""
        lot = price * LOT_TICK
        return lot + lot * self.twin.rates[1] / 1_000_000 if side == "buy" else Fraction(0)


class MarginMachine(AccountMachine):
    """The same with shorts."""

    type = "margin"


MACHINES = (AccountMachine, MarginMachine)


@pytest.mark.parametrize("machine", MACHINES)
def test_books_agree_with_a_naive_ledger(machine: type[AccountMachine]) -> None:
    briefly(machine, 25)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("machine", MACHINES)
def test_books_agree_with_a_naive_ledger_at_length(machine: type[AccountMachine]) -> None:
    at_length(machine)
