"""The engine and its naive twin side by side: what is equal after every record, and what holds at a history's end."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

from streams import topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import TERMINAL, Accepted, Fill, OrderEvent, Quote, ToBroker, Trade
from tests.broker.exchange import SYMBOL, Stage
from tests.broker.histories import PLAIN
from tests.broker.naive import PRICE
from tests.broker.naive import Fill as NaiveFill
from tests.broker.naive_market import NaiveExchange


class Pair:
    """Feeds records to both and compares what came of each."""

    def __init__(self, instrument: Instrument) -> None:
        self.stage, self.twin = Stage(instrument), NaiveExchange(instrument)
        self.accepted: dict[str, Accepted] = {}
        self.ended: dict[str, tuple[str, str]] = {}
        self.seen = self.filled = 0

    def feed(self, topic: str, message: Any, time: int) -> None:
        """One record: the same fills in the same order, the same orders ended in the same way."""
        if isinstance(message, ToBroker) and message.order is not None:
            self.accepted[message.order.order_id] = message.order
        self.stage.feed(topic, message, time)
        twin_follows(self.twin, message, self.stage)
        new = [output.message for output in self.stage.outputs[self.seen :]]
        self.seen = len(self.stage.outputs)
        fills = [message for message in new if isinstance(message, Fill)]
        assert by_engine(fills) == by_twin(self.twin.fills[self.filled :])
        self.filled += len(fills)
        self.ended |= states([message for message in new if isinstance(message, OrderEvent)])
        assert self.ended == {
            order.order_id: (order.state, order.reason)
            for order in self.twin.orders
            if not order.live
        }

    def check_end(self) -> None:
        """Everything that a history as a whole must show."""
        check_lives(self.stage, self.accepted)
        check_prices(self.stage, self.accepted)
        reducing = {order_id for order_id, order in self.accepted.items() if order.reduce_only}
        check_positions(self.stage, self.twin, reducing)


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
    elif message.replace is not None:
        twin.replace(message.replace, stage.clock, offset)
    else:
        twin.cancel(message.cancel.order_id, message.cancel.reason, stage.clock, offset)


def by_twin(fills: list[NaiveFill]) -> list[tuple[Any, ...]]:
    return [(f.order_id, f.qty, f.price * PRICE, f.rule, f.fee) for f in fills]


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
        filled[fill.order_id] += PLAIN.qty_lots(fill.qty)
        causes[fill.order_id].add(fill.cause)
        assert fill.time >= fill.active_at
    lives: dict[str, list[OrderEvent]] = defaultdict(list)
    for event in stage.events:
        lives[event.order_id].append(event)
    for order_id, life in lives.items():
        last = life[-1]
        assert [event.rev for event in life] == list(range(1, len(life) + 1))
        assert [event.state in TERMINAL for event in life[:-1]] == [False] * (len(life) - 1)
        assert PLAIN.qty_lots(last.filled) == filled[order_id] <= PLAIN.qty_lots(last.qty)
        assert (last.state == "FILLED") == (last.filled == last.qty)
        assert (last.state in TERMINAL) == (order_id not in stage.tables.exchange.orders)
        order = accepted.get(order_id)
        whole = order is not None and order.tif == "FOK" and order.group_kind != "oto"
        if whole and filled[order_id]:
            assert last.state == "FILLED" and len(causes[order_id]) == 1
    fill_ids = [fill.fill_id for fill in stage.fills]
    assert len(set(fill_ids)) == len(fill_ids)


def check_prices(stage: Stage, accepted: dict[str, Accepted]) -> None:
    """No fill is beyond the price that its order's own event names right after it, nor beyond the protection."""
    fill: Fill | None = None
    for output in stage.outputs:
        if isinstance(output.message, Fill):
            fill = output.message
        elif isinstance(output.message, OrderEvent) and fill is not None:
            sign = 1 if fill.side == "buy" else -1
            event, price = output.message, PLAIN.price_ticks(fill.price)
            assert (event.order_id, event.cause) == (fill.order_id, fill.cause)
            assert not event.price or sign * (price - PLAIN.price_ticks(event.price)) <= 0
            order = accepted.get(fill.order_id)
            assert order is None or not order.protection or sign * (price - order.protection) <= 0
            fill = None


def check_positions(stage: Stage, twin: NaiveExchange, reducing: set[str]) -> None:
    """Reduce-only orders reduce, the broker's position is the sum of fills, every bracket is covered (I16)."""
    net: dict[str, int] = defaultdict(int)
    for fill in stage.fills:
        before = net[fill.account]
        net[fill.account] += (1 if fill.side == "buy" else -1) * PLAIN.qty_lots(fill.qty)
        if fill.order_id in reducing or fill.parent_id:
            assert abs(net[fill.account]) < abs(before) and before * net[fill.account] >= 0
    for account, position in net.items():
        assert stage.tables.exchange.net(account, SYMBOL) == position == twin.net(account)
    for entry in twin.orders:
        if entry.children and entry.children[0].live and entry.filled:
            assert (
                stage.tables.exchange.orders[entry.children[0].order_id].remaining >= entry.open > 0
            )
