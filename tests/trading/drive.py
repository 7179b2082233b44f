"""Drives the account side over dict tables, through the codecs that the log would use."""

import json
from typing import Any, NamedTuple

from agents.handler import Event, Handler, Output
from agents.ledger import Ledger
from agents.risk import Risk
from streams import codec, control, money, topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    CancelAccepted,
    Decision,
    Fill,
    Mark,
    OrderEvent,
    Position,
    ReplaceAccepted,
    State,
)
from streams.orders import time_text
from streams.topics import Topic
from tables import proof
from tables.account_tables import AccountTables

START_NS = 1_795_514_400 * 10**9
BTC = Instrument(
    symbol="BTC/USD.KRAKEN", base="BTC", quote="USD", venue="KRAKEN", tick="0.01", lot="0.001"
)
ETH = Instrument(
    symbol="ETH/USD.KRAKEN", base="ETH", quote="USD", venue="KRAKEN", tick="0.01", lot="0.001"
)


VAST: Any = 10**9
WIDE: dict[str, Any] = {
    "loss_max": "100000000000", "loss_bps": VAST, "drawdown_bps": VAST, "fees_max": "100000000000",
    "order_notional_max": "100000000000", "order_notional_bps": VAST, "symbol_bps": VAST,
    "cluster_bps": VAST, "gross_exposure_max": "100000000000", "gross_bps": VAST, "cvar_bps": VAST,
    "var95_max": "100000000000", "var99_max": "100000000000", "bracket_loss_bps": VAST,
    "open_orders_max": 100_000, "symbol_open_orders_max": 100_000, "rate_per_s": 100_000, "rate_burst": 100_000,
}  # fmt: skip
"""Limits that nothing in a test reaches but what it is about."""


class Entry(NamedTuple):
    """A record as the log gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Drive:
    """One account cell. Every record gets the next offset of its topic; answers are decoded from their bytes."""

    def __init__(self, partitions: int = 1, partition: int = 0) -> None:
        self.risk = Risk(lambda account: hash_of(account) % partitions, generation=1)
        self.ledger = Ledger(lambda account: hash_of(account) % partitions)
        self.tables = AccountTables(partition)
        self.partition = partition
        self.clock = START_NS
        self.offsets: dict[str, int] = {}
        self.accepted: dict[str, Accepted] = {}
        self.handlers: dict[str, tuple[Handler, ...]] = {
            topics.ORDERS.name: (self.risk.on_order,),
            topics.MARKS.name: (self.risk.on_mark, self.ledger.on_mark),
            topics.EVENTS.name: (self.risk.on_order_event,),
            topics.FILLS.name: (self.ledger.on_fill,),
            topics.CONTROL.name: (self.risk.on_control, self.ledger.on_control),
        }

    def send(self, topic: Topic, key: str | None, value: bytes | None) -> list[Output]:
        """One record through the handlers of its topic."""
        event: Event[Any] = Event()
        event.topic = topic.name
        event.partition = 0 if topic.copartition == "broadcast" else self.partition
        offset = self.offsets.get(topic.name, 0)
        self.offsets[topic.name] = offset + 1
        key_bytes = None if key is None else key.encode()
        event.record = Entry(offset, self.clock // 10**6, key_bytes, value)
        event.clock_ns = self.clock
        event.message = None if value is None else topic.decode(value)
        outputs: list[Output] = []
        for handler in self.handlers[topic.name]:
            outputs.extend(handler(event, self.tables))
        for output in outputs:
            if output.topic is topics.ACCEPTED and output.message.order is not None:
                self.accepted[output.message.order.order_id] = output.message.order
        return outputs

    def commit(self) -> None:
        """End the chunk, as a cell does: what it has changed adds up."""
        proof.prove(self.tables)
        for table in self.tables.all():
            table.seal()
            table.publish()

    def control(self, record: control.Record) -> list[Output]:
        """One control record under its own key."""
        return self.send(topics.CONTROL, control.key(record), control.encode(record))

    def mark(self, symbol: str, bid: int, ask: int, **changes: Any) -> list[Output]:
        """A live mark of now."""
        fields: dict[str, Any] = {
            "last": 0, "bid_size": 1, "ask_size": 1, "mid2": bid + ask, "status": "live",
            "time": self.clock, "received": 0, "source": "test", "cause": Ref("market.quotes", 0, 7),
        } | changes  # fmt: skip
        mark = Mark(symbol=symbol, bid=bid, ask=ask, **fields)
        return self.send(topics.MARKS, symbol, codec.encode(mark))

    def order(self, **fields: Any) -> Decision:
        """One command of account `a`; fields that are None are left out. Returns its decision."""
        decision = self.outputs(**fields)[0].message
        assert isinstance(decision, Decision)
        return decision

    def outputs(self, key: str | None = "", **fields: Any) -> list[Output]:
        """One command; all that it gives."""
        tree: dict[str, Any] = {
            "v": 1, "cmd": "new", "account": "a", "client_order_id": "c1",
            "created_at": time_text(self.clock),
        } | fields  # fmt: skip
        if tree["cmd"] == "new":
            tree = {"symbol": BTC.symbol, "side": "buy", "type": "limit", "qty": "1"} | tree
        tree = {name: value for name, value in tree.items() if value is not None}
        own = str(tree["account"])
        return self.send(topics.ORDERS, own if key == "" else key, json.dumps(tree).encode())

    def fill(
        self, order_id: str, qty: int, price: int, maker: bool = False, **changes: Any
    ) -> Position | None:
        """A fill of an accepted order, in lots and ticks, with the figures that follow."""
        return self.book(**fill_fields(self.accepted[order_id], qty, price, maker) | changes)

    def book(self, instrument: Instrument = BTC, **fields: Any) -> Position | None:
        """Any fill; id and cause are made up where not given."""
        offset = self.offsets.get("fills", 0)
        qty, price = fields.pop("qty"), fields.pop("price")
        notional = instrument.notional(price, qty)
        rate = fields.setdefault("fee_rate", 0)
        made_up: dict[str, Any] = {
            "fill_id": f"f{offset}", "order_id": "child/sl", "client_order_id": "x", "account": "a",
            "symbol": instrument.symbol, "qty": instrument.qty_text(qty), "price": instrument.price_text(price),
            "notional": money.text(notional), "fee": money.text(money.fee(notional, rate)),
            "liquidity": "taker", "rule": "TAKER", "cause": Ref("market.quotes", 0, offset),
            "order_ref": Ref("orders", 0, 0), "time": self.clock, "active_at": 0, "bid": 0, "ask": 0,
            "parent_id": "parent",
        } | fields  # fmt: skip
        outputs = self.send(topics.FILLS, "a", codec.encode(Fill(**made_up)))
        if not outputs:
            return None
        (record,) = outputs
        position = record.message
        assert (record.topic, record.key) == (topics.POSITIONS, made_up["account"])
        assert isinstance(position, Position)
        return position

    def ended(self, order_id: str, state: State, filled: int, instrument: Instrument = BTC) -> None:
        """The broker's last word on an order; filled: lots."""
        self.event(order_id, state, state, filled, instrument)

    def event(
        self,
        order_id: str,
        type: str,
        state: State,
        filled: int,
        instrument: Instrument = BTC,
        parent: str = "",
        qty: int = 0,
    ) -> None:
        """Any event of an order; qty, filled: lots."""
        step = OrderEvent(
            event_id=f"{order_id}:1", order_id=order_id, client_order_id="x", account="a",
            symbol=instrument.symbol, rev=1, type=type, state=state, qty=instrument.qty_text(qty),
            filled=instrument.qty_text(filled), remaining="0", time=self.clock,
            cause=Ref("market.quotes", 0, 0), parent_id=parent,
        )  # fmt: skip
        self.send(topics.EVENTS, "a", codec.encode(step))


def fill_fields(order: Accepted, qty: int, price: int, maker: bool) -> dict[str, Any]:
    """What a fill copies from its order."""
    return {
        "qty": qty, "price": price, "order_id": order.order_id, "symbol": order.symbol,
        "client_order_id": order.client_order_id, "account": order.account, "side": order.side,
        "fee_rate": order.maker_rate if maker else order.taker_rate, "parent_id": "",
    }  # fmt: skip


def ready(cash: str = "10000", type: Any = "cash", **account: Any) -> Drive:
    """A cell with one funded account `a`, two symbols with marks, and wide limits."""
    drive = Drive()
    drive.control(control.InstrumentRecord(instrument=BTC))
    drive.control(control.InstrumentRecord(instrument=ETH))
    drive.control(control.Account(account="a", type=type, **{"mode": "sim"} | account))
    drive.control(wide())
    drive.control(control.Cash(account="a", id="first", currency="USD", amount=cash))
    drive.mark(BTC.symbol, 4_999_900, 5_000_100)
    drive.mark(ETH.symbol, 199_990, 200_010)
    return drive


def replaces(outputs: list[Output]) -> list[ReplaceAccepted]:
    """The replaces among some outputs."""
    found = [output.message.replace for output in outputs if output.topic is topics.ACCEPTED]
    return [replace for replace in found if replace is not None]


def wide(account: str = "a", **changes: Any) -> control.Limits:
    """Limits of an account that are wide but for these."""
    return control.Limits(account=account, **WIDE | changes)


def cancels(outputs: list[Output]) -> list[CancelAccepted]:
    """The cancels among some outputs."""
    found = [output.message.cancel for output in outputs if output.topic is topics.ACCEPTED]
    return [cancel for cancel in found if cancel is not None]


def hash_of(account: str) -> int:
    """A partitioner for tests."""
    return sum(account.encode())
