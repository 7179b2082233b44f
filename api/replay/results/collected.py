"""Gathers from a run's outputs, as they come, what its results are made of; small enough to be kept in a checkpoint."""

from collections import defaultdict
from typing import Any

import msgspec

from agents.backtest import Source
from agents.outbox import Sent
from streams import control, money, topics
from streams.codec import Undecodable
from streams.instruments import Instrument

MS = 1_000_000
"""Nanoseconds."""


class Execution(msgspec.Struct, frozen=True):
    """One fill. side: 1 or -1; amounts as floats; mid: of the decision on its order, 0 for exits, which have none."""

    time_ms: int
    account: str
    symbol: str
    order_id: str
    side: int
    qty: float
    price: float
    notional: float
    fee: float
    liquidity: str
    mid: float


class Trade(msgspec.Struct, frozen=True):
    """From flat to flat, or to a flip. side: 1 long, -1 short; gross before fees; qty: the largest."""

    account: str
    symbol: str
    side: int
    opened_ms: int
    closed_ms: int
    qty: float
    gross: float
    fees: float

    @property
    def net(self) -> float:
        """What it earned."""
        return self.gross - self.fees


class Point(msgspec.Struct, frozen=True):
    """One account at one time. equity: cash + sum(qty x mid); exposure: sum(|qty| x mid); flow: what was deposited."""

    time_ms: int
    account: str
    equity: float
    exposure: float
    flow: float


class Open(msgspec.Struct):
    """A trade under way."""

    side: int
    opened_ms: int
    qty: float
    gross: float = 0.0
    fees: float = 0.0


class Collected(msgspec.Struct):
    """All that a run has brought so far. every_ms: between two points of the curves."""

    every_ms: int
    executions: list[Execution] = []
    trades: list[Trade] = []
    points: list[Point] = []
    decisions: dict[str, int] = {}
    rejections: dict[str, int] = {}
    outputs: dict[str, int] = {}
    mids: dict[str, float] = {}
    cash: dict[str, float] = {}
    qty: dict[str, dict[str, float]] = {}
    flows: dict[str, float] = {}
    opened: dict[str, Open] = {}
    decided: dict[str, float] = {}
    fees: dict[str, tuple[float, float]] = {}
    instruments: dict[str, tuple[float, float, str]] = {}
    since: int = 0


class Collector:
    """Follows a run."""

    def __init__(self, collected: Collected) -> None:
        self.all = collected
        self._take = {
            topics.MARKS.name: self._mark,
            topics.DECISIONS.name: self._decision,
            topics.FILLS.name: self._fill,
            topics.POSITIONS.name: self._position,
        }

    def source(self, source: Source) -> None:
        """Note an instrument: its tick and multiplier turn marks into money."""
        if source.topic != topics.CONTROL.name or source.record.value is None:
            return
        try:
            record = control.decode(source.record.value)
        except Undecodable:
            return
        if isinstance(record, control.InstrumentRecord):
            self.all.instruments[record.instrument.symbol] = _figures(record.instrument)

    def output(self, sent: Sent) -> None:
        """Note one output."""
        outputs = self.all.outputs
        outputs[sent.topic] = outputs.get(sent.topic, 0) + 1
        take = self._take.get(sent.topic)
        if take is not None:
            take(topics.BY_NAME[sent.topic].decode(sent.value))

    def end(self) -> None:
        """The last point of each curve."""
        self._sample(self.all.since + self.all.every_ms)

    def _mark(self, mark: Any) -> None:
        self._sample(mark.time // MS)
        tick, _, _ = self.all.instruments[mark.symbol]
        if mark.mid2:
            self.all.mids[mark.symbol] = mark.mid2 * tick / 2

    def _decision(self, decision: Any) -> None:
        found = self.all
        found.decisions[decision.outcome] = found.decisions.get(decision.outcome, 0) + 1
        if decision.outcome == "rejected":
            found.rejections[decision.reason] = found.rejections.get(decision.reason, 0) + 1
        if decision.outcome == "accepted" and decision.order_id:
            for used in decision.marks:
                if used.symbol == decision.symbol:
                    tick, _, _ = found.instruments[used.symbol]
                    found.decided[decision.order_id] = used.mid2 * tick / 2

    def _fill(self, fill: Any) -> None:
        qty, fee = float(fill.qty), float(fill.fee)
        execution = Execution(
            time_ms=fill.time // MS,
            account=fill.account,
            symbol=fill.symbol,
            order_id=fill.order_id,
            side=1 if fill.side == "buy" else -1,
            qty=qty,
            price=float(fill.price),
            notional=float(fill.notional),
            fee=fee,
            liquidity=fill.liquidity,
            mid=self.all.decided.get(fill.order_id, 0.0),
        )
        self.all.executions.append(execution)
        self.all.fees[fill.fill_id] = (fee, qty)

    def _position(self, position: Any) -> None:
        found, account = self.all, position.account
        moment, cash = position.time // MS, float(position.cash)
        self._sample(moment)
        if not position.symbol:
            before = found.cash.get(account, 0.0)
            if cash != before:  # the record of a minute moves no cash
                found.flows[account] = found.flows.get(account, 0.0) + cash - before
        else:
            held = found.qty.setdefault(account, defaultdict(float))
            before, after = held.get(position.symbol, 0.0), float(position.qty)
            held[position.symbol] = after
            fee, qty = found.fees.pop(position.fill_id, (0.0, 0.0))
            self._trade(position, moment, (before, after), fee, qty)
        found.cash[account] = cash

    def _trade(
        self, position: Any, moment: int, qty: tuple[float, float], fee: float, filled: float
    ) -> None:
        """Carry the open trade of a position on, close it, open one."""
        found, (before, after) = self.all, qty
        key = f"{position.account}|{position.symbol}"
        flips = before * after < 0
        opening = abs(after) / filled if flips and filled else 0.0
        trade = found.opened.get(key)
        if trade is not None and before:
            trade.gross += float(position.realised)
            trade.fees += fee * (1 - opening)
            trade.qty = max(trade.qty, abs(after) if not flips else 0.0)
            if not after or flips:
                del found.opened[key]
                found.trades.append(
                    Trade(
                        position.account,
                        position.symbol,
                        trade.side,
                        trade.opened_ms,
                        moment,
                        trade.qty,
                        trade.gross,
                        trade.fees,
                    )
                )
        if after and (not before or flips):
            paid = fee * opening if flips else fee
            found.opened[key] = Open(1 if after > 0 else -1, moment, abs(after), 0.0, paid)

    def _sample(self, moment: int) -> None:
        """Before anything of a new interval is taken in, the accounts as the last one has left them."""
        found = self.all
        start = moment // found.every_ms * found.every_ms
        if not found.since:
            found.since = start
        if start <= found.since:
            return
        found.since = start
        for account, cash in found.cash.items():
            equity, exposure = cash, 0.0
            for symbol, qty in found.qty.get(account, {}).items():
                _, multiplier, _ = found.instruments[symbol]
                value = qty * found.mids.get(symbol, 0.0) * multiplier
                equity += value
                exposure += abs(value)
            flow = found.flows.pop(account, 0.0)
            found.points.append(Point(start, account, equity, exposure, flow))


def _figures(instrument: Instrument) -> tuple[float, float, str]:
    """Tick, multiplier and quote currency."""
    tick = instrument.tick_units / money.UNIT
    return tick, float(instrument.multiplier), instrument.quote
