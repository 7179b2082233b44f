"""What `control` and the current state tell as gauges, looked at beside the requests of the API."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

from agents.metrics import Metrics
from api.control_view import ControlView
from api.current import CurrentReader
from api.history import CONNECTIONS_MAX, History
from api.limit_use import limit_use
from api.problems import Problem
from streams.codec import Undecodable
from streams.messages import Mark, OrderEvent, Position
from streams.topics import EVENTS, MARKS, POSITIONS

EVERY_S = 5.0
SCOPES = ("global", "account", "symbol", "strategy")
OPEN = 2
"""Of a breaker: its mark does not tell a half open one from an open one."""


class Figures:
    """Sets the gauges that no single event moves."""

    def __init__(
        self, metrics: Metrics, control: ControlView, current: CurrentReader, history: History
    ) -> None:
        self._metrics = metrics
        self._control = control
        self._current = current
        metrics.before_each_scrape(lambda: self._pool(history))

    async def run(self) -> None:
        """Look for ever; what cannot be read keeps its figures."""
        while True:
            try:
                await self.look()
            except (Problem, Undecodable):
                pass  # the watch says which store is away
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Once. Raises Problem, Undecodable."""
        marks = [MARKS.decode(v) for v in (await self._current.read("mark")).values["mark"]]
        orders = [EVENTS.decode(v) for v in (await self._current.read("order")).values["order"]]
        held = await self._current.read("position", "account")
        positions = [POSITIONS.decode(value) for value in held.values["position"]]
        self._of_marks(marks)
        self._of_orders(orders)
        self._of_positions(positions, {mark.symbol: mark for mark in marks})
        accounts = map(POSITIONS.decode, held.values["account"])
        for limit, used in limit_use(self._control, accounts).items():
            self._metrics.set("limit_used_ratio", (limit,), used)

    def _of_marks(self, marks: Iterable[Mark]) -> None:
        now_s = time.time()
        for mark in marks:
            self._metrics.set("mark_age_seconds", (mark.symbol,), max(0.0, now_s - mark.time / 1e9))
            self._metrics.set("breaker_state", (mark.symbol,), OPEN if mark.breaker else 0)

    def _of_orders(self, orders: list[OrderEvent]) -> None:
        standing = Counter(order.symbol for order in orders)
        for symbol in {*self._control.symbols(), *standing}:
            self._metrics.set("open_orders", (symbol,), standing[symbol])
        engaged = [switch for switch in self._control.switches() if switch.engaged]
        kinds = Counter(switch.scope.partition(":")[0] for switch in engaged)
        for scope in SCOPES:
            self._metrics.set("kill_switch_engaged", (scope,), kinds[scope])
        since = self._control.killed_since_ms()
        unfinished = [
            ms for scope, ms in since.items() if any(covers(scope, order) for order in orders)
        ]
        age_s = time.time() - min(unfinished) / 1000 if unfinished else 0.0
        self._metrics.set("kill_unfinished_seconds", (), max(0.0, age_s))

    def _of_positions(self, positions: Iterable[Position], marks: dict[str, Mark]) -> None:
        gross: defaultdict[str, Decimal] = defaultdict(Decimal)
        net: defaultdict[str, Decimal] = defaultdict(Decimal)
        for position in positions:
            worth = self._worth(position, marks.get(position.symbol))
            net[position.symbol] += worth
            gross[position.symbol] += abs(worth)
        for symbol in net:
            self._metrics.set("exposure_notional", (symbol, "gross"), float(gross[symbol]))
            self._metrics.set("exposure_notional", (symbol, "net"), float(net[symbol]))

    def _worth(self, position: Position, mark: Mark | None) -> Decimal:
        """At the mark's mid, else at what it cost."""
        instrument = self._control.instrument(position.symbol)
        if mark is None or not mark.mid2 or instrument is None:
            return Decimal(position.qty) * Decimal(position.average_price)
        return Decimal(position.qty) * mark.mid2 * Decimal(instrument.tick) / 2

    def _pool(self, history: History) -> None:
        asked = min(history.waiting, CONNECTIONS_MAX)
        figures = {"asked": asked, "waiting": history.waiting - asked, "max": CONNECTIONS_MAX}
        for state, figure in figures.items():
            self._metrics.set("pool_connections", (state,), figure)


def covers(scope: str, order: OrderEvent) -> bool:
    """Whether a kill of this scope should have ended the order; its strategy is not on it. Exits stay."""
    if order.parent_id:
        return False
    kind, _, name = scope.partition(":")
    return kind == "global" or name == {"account": order.account, "symbol": order.symbol}.get(kind)
