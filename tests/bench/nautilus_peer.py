"""The nautilus_trader peer: a backtest of the quotes of a file, alone or with a strategy that buys in brackets.

Runs in the virtual environment of `requirements-nautilus.txt`, so it imports nothing of the project.
"""

import json
import os
import sys
import time

import pyarrow.parquet as pq
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair, Instrument
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
CLOCK_NS = 100_000_000
"""The engine's strategy is asked as often: once per predicted vector."""

PRECISION = 2
TICK = 0.01


def instrument() -> CurrencyPair:
    """Litecoin in dollars, a cent and a hundredth the least."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("LTC/USD"), VENUE),
        raw_symbol=Symbol("LTCUSD"),
        base_currency=Currency.from_str("LTC"),
        quote_currency=USD,
        price_precision=PRECISION,
        size_precision=PRECISION,
        price_increment=Price(TICK, PRECISION),
        size_increment=Quantity(TICK, PRECISION),
        ts_event=0,
        ts_init=0,
    )


class Often(Strategy):  # type: ignore[misc]  # not installed here
    """Buys one in `every` moments when flat, bracketed by `ticks`."""

    def __init__(self, of: Instrument, every: int, ticks: int) -> None:
        super().__init__(StrategyConfig())
        self._of = of
        self._every = every
        self._distance = ticks * TICK
        self._due = 0
        self._seen = 0
        self.order_events = 0

    def on_start(self) -> None:
        """Asks for the quotes."""
        self.subscribe_quote_ticks(self._of.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """The first quote of each moment."""
        if tick.ts_event < self._due:
            return
        self._due = (tick.ts_event // CLOCK_NS + 1) * CLOCK_NS
        self._seen += 1
        if (self._seen - 1) % self._every or not self._is_flat():
            return
        bracket = self.order_factory.bracket(
            instrument_id=self._of.id,
            order_side=OrderSide.BUY,
            quantity=Quantity(10, PRECISION),
            sl_trigger_price=Price(float(tick.bid_price) - self._distance, PRECISION),
            tp_price=Price(float(tick.ask_price) + self._distance, PRECISION),
        )
        self.submit_order_list(bracket)

    def on_order_event(self, event: object) -> None:
        """Counts."""
        self.order_events += 1

    def _is_flat(self) -> bool:
        mine = {"instrument_id": self._of.id, "strategy_id": self.id}
        return not self.cache.positions_open(**mine) and not self.cache.orders_open(**mine)


def quotes(path: str, of: Instrument) -> list[QuoteTick]:
    """The rows of a file."""
    columns = pq.read_table(path).to_pydict()
    rows = zip(
        columns["ts_ns"],
        columns["bid"],
        columns["ask"],
        columns["bid_size"],
        columns["ask_size"],
        strict=True,
    )
    return [
        QuoteTick(
            of.id,
            Price(float(bid), PRECISION),
            Price(float(ask), PRECISION),
            Quantity(float(bid_size), PRECISION),
            Quantity(float(ask_size), PRECISION),
            ts,
            ts,
        )
        for ts, bid, ask, bid_size, ask_size in rows
    ]


def main() -> None:
    """Runs the backtest and prints the result; its clock runs while the engine does, with all quotes in memory."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USD)], base_currency=USD
    )
    of = instrument()
    engine.add_instrument(of)
    engine.add_data(data := quotes(os.environ["QUOTES"], of))
    every = int(os.environ["EVERY"])
    strategy = Often(of, every, int(os.environ["TICKS"]))
    if every:
        engine.add_strategy(strategy)
    began, cpu = time.perf_counter(), time.process_time()
    engine.run()
    told = {
        "events": len(data),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "order_events": strategy.order_events,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
