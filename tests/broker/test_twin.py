"""Random histories: the engine against its naive twin, its invariants, other chunks, and restarts from the log."""

import random
from collections import defaultdict
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams import topics
from streams.ids import Ref
from streams.messages import (
    TERMINAL,
    Accepted,
    CancelAccepted,
    Fill,
    OrderEvent,
    Quote,
    ToBroker,
    Trade,
)
from tests.broker.exchange import MS, SYMBOL, Stage, encoded, instrument
from tests.broker.naive import PRICE, NaiveExchange

KNOWN = instrument(latency_low_ms=0, latency_high_ms=4)
MIDDLE = 500
STEPS = 80
WILD = 0.1
"""How often a quote or trade is out of order, stale, crossed, without size, or an order far away."""

Step = tuple[str, dict[str, Any]]
seeds = st.integers(0, 2**40)
relaxed = settings(deadline=None, print_blob=True)


def history(seed: int) -> list[Step]:
    """Orders, cancels, quotes and trades around a wandering price; the same for the same seed."""
    draw = random.Random(seed)
    drawn = {"order": _order, "cancel": _cancel, "quote": _quote, "trade": _trade}
    middle, steps = MIDDLE, []
    for kind in draw.choices(list(drawn), weights=[4, 1, 8, 3], k=STEPS):
        middle += draw.choice([-3, -1, 0, 0, 0, 0, 1, 3])
        steps.append((kind, drawn[kind](draw, middle)))
    return steps


def _order(draw: random.Random, middle: int) -> dict[str, Any]:
    kind = draw.choice(["market", "limit", "limit", "stop"])
    return {
        "side": draw.choice(["buy", "sell"]),
        "type": kind,
        "tif": draw.choice(["GTC", "GTC", "GTC", "IOC", "FOK"]),
        "qty": draw.choice([1, 4, 9, 30]),
        "price": middle + draw.randint(-5, 5),
        "protection": draw.choice([0, 0, 2]),
        "reduce_only": draw.random() < 0.2,
        "bracket": draw.choice(["", "stop", "both", "both"]),
        "distance": draw.randint(1, 7),
        "account": draw.choice(["a", "a", "b"]),
    }


def _cancel(draw: random.Random, middle: int) -> dict[str, Any]:
    return {
        "which": draw.randrange(40),
        "exit": draw.choice(["", "", "", "/sl", "/tp"]),
        "reason": draw.choice(["CLIENT", "CLIENT", "KILLED"]),
    }


def _quote(draw: random.Random, middle: int) -> dict[str, Any]:
    wild = draw.random() < WILD
    return {
        "bid": middle,
        "spread": draw.choice([0, -1, 8]) if wild else draw.choice([1, 1, 2, 3]),
        "sizes": (draw.choice([0, 2, 5, 12]), draw.choice([0, 2, 5, 12]))
        if wild
        else (draw.choice([2, 3, 5, 12]), draw.choice([2, 3, 5, 12])),
        "flags": draw.choice(["stale", "repeat"]) if wild else "",
        "later": draw.choice([0, -1]) if wild else draw.choice([0, 1, 2]),
        "sequence": draw.choice([1, 1, 1, -5]),
    }


def _trade(draw: random.Random, middle: int) -> dict[str, Any]:
    wild = draw.random() < WILD
    return {
        "price": middle + draw.randint(-4, 4),
        "size": draw.choice([0, 1, 4, 12]),
        "later": draw.choice([-1, 3000]) if wild else draw.choice([0, 1]),
    }


class Market:
    """Turns drawn steps into the records of a log, the same for every engine."""

    def __init__(self) -> None:
        self.time = 1_767_571_200_000 * MS
        self.orders: list[str] = []
        self.offset = 0

    def records(self, history: list[Step]) -> list[tuple[str, Any, int]]:
        """(topic, message, time) of each step."""
        return [
            getattr(self, f"_{kind}")(drawn, number) for number, (kind, drawn) in enumerate(history)
        ]

    def _order(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        sign = 1 if drawn["side"] == "buy" else -1
        price, kind, bracket = drawn["price"], drawn["type"], drawn["bracket"]
        if drawn["reduce_only"]:
            bracket = ""
        order_id = f"1-0-{self.offset}"
        self.orders.append(order_id)
        accepted = Accepted(
            order_id=order_id,
            client_order_id=f"c{number}",
            account=drawn["account"],
            symbol=SYMBOL,
            side=drawn["side"],
            type=kind,
            tif=drawn["tif"],
            qty=drawn["qty"],
            price=price if kind == "limit" else 0,
            stop_price=price if kind == "stop" else 0,
            stop_loss=price - sign * drawn["distance"] if bracket else 0,
            take_profit=price + sign * drawn["distance"] if bracket == "both" else 0,
            protection=0
            if kind == "limit" or not drawn["protection"]
            else price + sign * drawn["protection"],
            reduce_only=drawn["reduce_only"],
            maker_rate=200,
            taker_rate=1200,
            reserved="0",
            command_ref=Ref("orders", 0, number),
            time=self.time,
        )
        self.offset += 1
        return topics.ACCEPTED.name, ToBroker(order=accepted), self.time

    def _cancel(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        target = self.orders[drawn["which"] % len(self.orders)] if self.orders else "1-0-99"
        ref = Ref("orders", 0, number)
        cancel = CancelAccepted(
            target + drawn["exit"], "a", SYMBOL, ref, drawn["reason"], self.time
        )
        self.offset += 1
        return topics.ACCEPTED.name, ToBroker(cancel=cancel), self.time

    def _quote(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        time = self._at(drawn["later"])
        bid = drawn["bid"]
        bid_size, ask_size = drawn["sizes"]
        quote = Quote(
            SYMBOL, bid if bid_size else 0, bid + drawn["spread"], bid_size, ask_size,
            time, time, number + drawn["sequence"], "test", drawn["flags"],
        )  # fmt: skip
        return topics.QUOTES.name, quote, time

    def _trade(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        time = self._at(drawn["later"])
        return (
            topics.TRADES.name,
            Trade(SYMBOL, drawn["price"], drawn["size"], time, time, 1, "test"),
            time,
        )

    def _at(self, later: int) -> int:
        self.time += max(0, later) * MS
        return self.time + min(0, later) * MS


def twin_follows(twin: NaiveExchange, message: Any, stage: Stage) -> None:
    """Give the twin the record that the stage has just handled."""
    offset = stage.offsets.get(topics.ACCEPTED.name, 0) - 1
    if isinstance(message, Quote):
        if not twin.orders and not any(depth.left < depth.size for depth in twin.sides.values()):
            return
        twin.on_quote(message)
    elif isinstance(message, Trade):
        twin.on_trade(message)
    elif message.order is not None:
        twin.accept(message.order, stage.clock, offset)
    else:
        twin.cancel(message.cancel.order_id, message.cancel.reason, stage.clock, offset)


def by_twin(twin: NaiveExchange) -> list[tuple[Any, ...]]:
    return [(f.order_id, f.qty, f.price * PRICE, f.rule, f.fee) for f in twin.fills]


def by_engine(fills: list[Fill]) -> list[tuple[Any, ...]]:
    return [
        (f.order_id, Fraction(f.qty) * 1000, Fraction(f.price), f.rule, Fraction(f.fee))
        for f in fills
    ]


def states(events: list[OrderEvent]) -> dict[str, tuple[str, str]]:
    """Terminal state and reason by order."""
    return {e.order_id: (e.state, e.reason) for e in events if e.state in TERMINAL}


def check_lives(stage: Stage, accepted: dict[str, Accepted]) -> None:
    """I1 and I3 from what went out: one end, no gap, no overfill, prices inside, whole or nothing."""
    filled: dict[str, int] = defaultdict(int)
    causes: dict[str, set[Ref]] = defaultdict(set)
    for fill in stage.fills:
        filled[fill.order_id] += KNOWN.qty_lots(fill.qty)
        causes[fill.order_id].add(fill.cause)
        assert fill.time >= fill.active_at
        order = accepted.get(fill.order_id)
        limit = (order.price or order.protection) if order is not None else 0
        sign = 1 if fill.side == "buy" else -1
        assert not limit or sign * (KNOWN.price_ticks(fill.price) - limit) <= 0
    lives: dict[str, list[OrderEvent]] = defaultdict(list)
    for event in stage.events:
        lives[event.order_id].append(event)
    for order_id, life in lives.items():
        last = life[-1]
        assert [event.rev for event in life] == list(range(1, len(life) + 1))
        assert [event.state in TERMINAL for event in life[:-1]] == [False] * (len(life) - 1)
        assert KNOWN.qty_lots(last.filled) == filled[order_id] <= KNOWN.qty_lots(last.qty)
        assert (last.state == "FILLED") == (last.filled == last.qty)
        assert (last.state in TERMINAL) == (order_id not in stage.tables.exchange.orders)
        if order_id in accepted and accepted[order_id].tif == "FOK" and filled[order_id]:
            assert last.state == "FILLED" and len(causes[order_id]) == 1
    fill_ids = [fill.fill_id for fill in stage.fills]
    assert len(set(fill_ids)) == len(fill_ids)


def check_positions(stage: Stage, twin: NaiveExchange, reducing: set[str]) -> None:
    """Reduce-only orders reduce, the broker's position is the sum of fills, every bracket is covered (I16)."""
    net: dict[str, int] = defaultdict(int)
    for fill in stage.fills:
        before = net[fill.account]
        net[fill.account] += (1 if fill.side == "buy" else -1) * KNOWN.qty_lots(fill.qty)
        if fill.order_id in reducing or fill.parent_id:
            assert abs(net[fill.account]) < abs(before) and before * net[fill.account] >= 0
    for account, position in net.items():
        assert stage.tables.exchange.net(account, SYMBOL) == position == twin.net(account)
    for entry in twin.orders:
        if entry.children and entry.children[0].live and entry.filled:
            assert (
                stage.tables.exchange.orders[entry.children[0].order_id].remaining >= entry.open > 0
            )


@settings(relaxed, max_examples=250)
@given(seeds)
def test_engine_and_naive_twin_agree_after_every_record(seed: int) -> None:
    stage, twin = Stage(KNOWN), NaiveExchange(KNOWN)
    accepted: dict[str, Accepted] = {}
    for topic, message, time in Market().records(history(seed)):
        stage.feed(topic, message, time)
        twin_follows(twin, message, stage)
        if isinstance(message, ToBroker) and message.order is not None:
            accepted[message.order.order_id] = message.order
        assert by_engine(stage.fills) == by_twin(twin)
        assert states(stage.events) == {
            order.order_id: (order.state, order.reason if order.state == "CANCELLED" else "")
            for order in twin.orders
            if not order.live
        }
    check_lives(stage, accepted)
    reducing = {order_id for order_id, order in accepted.items() if order.reduce_only}
    check_positions(stage, twin, reducing)


@settings(relaxed, max_examples=80)
@given(seeds)
def test_outputs_do_not_depend_on_chunks_or_restarts(seed: int) -> None:
    whole, cut, draw = Stage(KNOWN), Stage(KNOWN), random.Random(seed)
    for record in Market().records(history(seed)):
        whole.feed(*record)
        cut_off(cut, draw.choice(["", "", "commit", "restart", "retry"]), record, draw)
        cut.feed(*record)
    assert encoded(cut.outputs) == encoded(whole.outputs)


def cut_off(stage: Stage, action: str, record: tuple[str, Any, int], draw: random.Random) -> None:
    """End the chunk before a record; on `retry` the record's own chunk is handled once in vain."""
    if action == "commit":
        stage.commit()
    elif action == "restart":
        stage.restart()
    elif action == "retry":
        stage.commit()
        kept, clock, offsets = list(stage.outputs), stage.clock, dict(stage.offsets)
        stage.feed(*record)
        tables = stage.tables.exchange.tables()
        for table in draw.sample(tables, len(tables)):
            table.discard()
        stage.outputs, stage.clock, stage.offsets = kept, clock, offsets
