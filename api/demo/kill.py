"""The kill switch with a thousand orders at rest and a thousand more under way: what it stops, and how fast."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from api import producing
from api.demo.engine import DemoEngine
from api.demo.scenario import Scenario
from api.demo.script import MS, START_MS, Put, groups, reference
from api.ending import Ended
from streams import control, log
from streams.codec import Undecodable
from streams.exits import Exit
from streams.messages import TERMINAL, Decision, OrderEvent
from streams.orders import New, encode, time_text
from streams.topics import BY_NAME, DECISIONS, EVENTS, ORDERS

ACCOUNTS = 10
ORDERS_EACH = 100
DEADLINE_S = 120.0
PROBE_S = 0.5
QUIET_S = 2.0
LIMITS: dict[str, Any] = {
    "rate_per_s": 1_000_000,
    "rate_burst": 1_000_000,
    "open_orders_max": 10_000,
    "symbol_open_orders_max": 10_000,
}


@dataclass
class Outcome:
    """What the log says. blocked_s, cancelled_s: from the switch's append until its last effect could be read.

    late: commands accepted although the switch had been applied, must be none; left: orders that did not end.
    """

    resting: int = 0
    queued: int = 0
    accepted_before: int = 0
    refused: int = 0
    late: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    blocked_s: float = 0.0
    cancelled_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the switch did what it promises."""
        return not self.late and not self.left and self.refused > 0


def markets() -> tuple[Scenario, ...]:
    """A quiet market for each account."""
    quiet = ("0 quote 50000.0 50000.1",)
    return tuple(
        Scenario(
            number=f"K{number}", title="quiet", market=quiet, fills=(), events=(), net="0"
        )
        for number in range(ACCOUNTS)
    )  # fmt: skip


def bids(prefix: str, at_ms: int) -> list[Put]:
    """A bid far below the market from every account, `ORDERS_EACH` times."""
    return [
        _bid(market, f"{prefix}-{number}", at_ms)
        for number in range(ORDERS_EACH)
        for market in markets()
    ]


def _bid(market: Scenario, name: str, at_ms: int) -> Put:
    order = New(
        v=1,
        cmd="new",
        account=market.account,
        client_order_id=name,
        created_at=time_text(at_ms * MS),
        symbol=market.instrument.symbol,
        side="buy",
        type="limit",
        qty="0.001",
        price="49000",
    )
    return Put(ORDERS, market.account, encode(order), at_ms)


async def show(engine: DemoEngine, say: Callable[[str], None]) -> Outcome:
    """Let a thousand orders rest, queue a thousand more, and pull the switch in their midst."""
    for market in markets():
        records = [
            record.model_copy(update=LIMITS) if isinstance(record, control.Limits) else record
            for record in reference(market)
        ]
        await engine.reference(records, START_MS)
    await engine.put(groups(markets())[0])
    await _until_priced(engine)
    await engine.put(bids("resting", START_MS))
    say("the orders rest; the switch is pulled among as many more")
    seen = _Seen(engine)
    async with log.reader(engine.brokers) as reader:
        await seen.place(reader)
        watching = asyncio.create_task(seen.watch(reader))
        queued = bids("queued", START_MS)
        half = len(queued) // 2
        sending = await _send(engine, queued[:half])
        kill = control.Kill(scope="global", action="kill", reason="demonstration", seq=1)
        at = await producing.send_control(engine.producer, kill, START_MS)
        seen.pulled = time.monotonic()
        sending += await _send(engine, queued[half:])
        await asyncio.gather(*sending)
        await engine.rest()
        await watching
    decisions: list[Decision] = await engine.messages(DECISIONS.name)
    events: list[OrderEvent] = await engine.messages(EVENTS.name)
    outcome = judge(decisions, events, at.offset)
    outcome.blocked_s, outcome.cancelled_s = seen.blocked_s, seen.cancelled_s
    return outcome


def judge(decisions: Iterable[Decision], events: Iterable[OrderEvent], switch: int) -> Outcome:
    """What the decisions and events of a run say about the switch at this offset of `control`."""
    ended = {event.order_id for event in events if event.state in TERMINAL}
    outcome = Outcome()
    for decision in decisions:
        if decision.kind != "new":
            continue
        accepted, name = decision.outcome == "accepted", decision.client_order_id
        outcome.resting += accepted and name.startswith("resting")
        outcome.queued += name.startswith("queued")
        if accepted and decision.control_offset >= switch:
            outcome.late.append(name)
        if accepted and decision.order_id not in ended:
            outcome.left.append(name)
        outcome.accepted_before += accepted and name.startswith("queued")
        outcome.refused += decision.reason == "KILLED"
    return outcome


async def _send(engine: DemoEngine, puts: Iterable[Put]) -> list[Any]:
    return [
        await engine.producer.send(p.topic.name, p.value, p.key.encode(), timestamp_ms=p.at_ms)
        for p in puts
    ]


async def _until_priced(engine: DemoEngine) -> None:
    """Marks and instruments have ways of their own: quotes and orders until each account has one accepted."""
    until, waiting, attempt = time.monotonic() + DEADLINE_S, {m.account for m in markets()}, 0
    while waiting:
        if time.monotonic() > until:
            raise Ended(Exit.STALLED, f"no order of {', '.join(sorted(waiting))} was accepted")
        asking = [m for m in markets() if m.account in waiting]
        await engine.put(groups(asking)[0])  # a quote that came before its instrument is lost
        await engine.put(_bid(market, f"probe-{attempt}", START_MS) for market in asking)
        decisions: list[Decision] = await engine.messages(DECISIONS.name)
        waiting -= {d.account for d in decisions if d.outcome == "accepted"}
        attempt += 1
        await asyncio.sleep(PROBE_S if waiting else 0)


class _Seen:
    """When the effects of the switch could be read, by this machine's clock."""

    def __init__(self, engine: DemoEngine) -> None:
        self._engine = engine
        self.pulled = 0.0
        self.blocked_s = 0.0
        self.cancelled_s = 0.0

    async def place(self, reader: Any) -> None:
        """Stand at the present ends."""
        places = await log.partitions_of(reader, [DECISIONS.name, EVENTS.name])
        ends = await reader.end_offsets(places)
        reader.assign(places)
        for place, end in ends.items():
            reader.seek(place, end)

    async def watch(self, reader: Any) -> None:
        """Read on until nothing has come for a while after the last cancel."""
        quiet_since = time.monotonic()
        while not self.cancelled_s or time.monotonic() < quiet_since + QUIET_S:
            if time.monotonic() > quiet_since + DEADLINE_S:
                raise Ended(Exit.STALLED, "the switch had no effect")
            for place, records in (await reader.getmany(timeout_ms=50)).items():
                now = quiet_since = time.monotonic()
                for record in records:
                    self._take(place.topic, record.value, now)

    def _take(self, topic: str, value: bytes, now: float) -> None:
        try:
            message = BY_NAME[topic].decode(value)
        except Undecodable:
            return
        if isinstance(message, Decision) and message.kind == "control":
            self.blocked_s = now - self.pulled
        if isinstance(message, OrderEvent) and message.reason == "KILLED":
            self.cancelled_s = now - self.pulled
