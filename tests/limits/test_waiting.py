"""Marks may latch accounts, and are still worth no transaction of their own: they wait for the cell's next chunk."""

import asyncio
from typing import Any, cast

from agents import flow
from agents.broadcast import Broadcasts
from agents.fold import Cell
from agents.live import LiveCell
from agents.routes import routes
from streams import codec, control, topics
from streams.gather import Run
from streams.ids import Ref
from streams.messages import Decision, Mark
from tables.account import Lots
from tables.position import Position
from tests.limits.market import ENTRY
from tests.trading.drive import BTC, START_NS, wide
from tests.transport.records import Record

(ACCOUNTS,) = (group for group in routes(1) if group.name == "account")


class Seen:
    """A cell that only notes what it is handed, and how."""

    def __init__(self) -> None:
        self.cell = Cell(ACCOUNTS, 0, 1)
        self.handed: list[tuple[str, str]] = []

    def defer(self, run: Run) -> None:
        self.handed.append(("deferred", run[0]))

    async def run(self, runs: list[Run]) -> None:
        self.handed += [("run", topic) for topic, _ in runs]


def test_marks_wait_and_control_does_not() -> None:
    async def hand() -> list[tuple[str, str]]:
        seen = Seen()
        broadcasts = Broadcasts("nowhere:1", [ACCOUNTS])
        for topic in (topics.MARKS.name, topics.CONTROL.name):
            await broadcasts._hand((topic, []), [cast(LiveCell, seen)])
        return seen.handed

    assert asyncio.run(hand()) == [("deferred", "market.marks"), ("run", "control")]


def test_only_marks_of_the_account_side_wait() -> None:
    waiting = [
        (group.name, source.topic.name)
        for group in flow.whole()
        for source in group.inputs
        if source.waits
    ]
    assert waiting == [("account", "market.marks")]


def test_chunk_of_a_mark_alone_brings_the_latch_decision() -> None:
    """As a flush folds it: the outputs of a waiting input are those of its group."""
    cell = Cell(ACCOUNTS, 0, 1)
    moment = START_NS // 10**6

    def apply(topic: str, *values: tuple[str, bytes]) -> list[Any]:
        first = cell.progress.next(topic)
        records = [
            Record(first + place, moment, key.encode(), value)
            for place, (key, value) in enumerate(values)
        ]
        chunk = cell.apply([(topic, records)])
        cell.seal(chunk)
        cell.publish()
        return [(sent.topic, sent.value) for sent in chunk.outputs]

    def mark(ticks: int) -> tuple[str, bytes]:
        made = Mark(
            BTC.symbol, ticks, ticks, 1, 1, 0, 2 * ticks, "live", START_NS, 0, "t", Ref("q", 0, 0)
        )
        return BTC.symbol, codec.encode(made)

    reference: tuple[control.Record, ...] = (
        control.InstrumentRecord(instrument=BTC),
        control.Account(account="a", mode="sim", type="margin"),
        wide(loss_max="5"),
        control.Cash(account="a", id="1", currency="USD", amount="10000"),
    )
    apply("control", *((control.key(each), control.encode(each)) for each in reference))
    apply("market.marks", mark(5_000_000))
    order = {"v": 1, "cmd": "new", "account": "a", "client_order_id": "c", "symbol": BTC.symbol,
             "side": "buy", "type": "limit", "created_at": "2026-11-24T10:00:00Z", **ENTRY}  # fmt: skip
    outputs = apply("orders", ("a", codec.encode(order)))
    assert [topic for topic, _ in outputs] == ["risk.decisions", "orders.accepted"]
    cell.tables.positions.put(f"a|{BTC.symbol}", Position(qty=-1))  # type: ignore[attr-defined]  # of AccountTables
    cell.tables.lots.put(BTC.symbol, Lots(-1, 1))  # type: ignore[attr-defined]  # of AccountTables
    outputs = apply("market.marks", mark(4_900_000))
    decisions = [
        topics.DECISIONS.decode(value) for topic, value in outputs if topic == "risk.decisions"
    ]
    assert [cast(Decision, decision).reason for decision in decisions] == ["LATCHED_LOSS"]
    assert "orders.accepted" in {topic for topic, _ in outputs}, "the entry is cancelled"
