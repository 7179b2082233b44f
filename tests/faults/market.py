"""A made-up market for the crash proofs: instruments, accounts, their first cash, and prices that wander."""

import os
import random
from collections.abc import Callable, Iterator

from streams import codec, control
from streams.control import Account, Cash, InstrumentRecord, Limits
from streams.instruments import Instrument
from streams.messages import Quote, Trade
from tests.faults.cluster import Put

SYMBOLS = tuple(f"C{n}.SIM" for n in range(int(os.environ.get("FAULTS_SYMBOLS", "8"))))
ACCOUNTS = tuple(f"a{number}" for number in range(8))
FIRST_TICKS = 10_000
FIRST_CASH = "50000"

Clock = Callable[[], int]
"""Event time in ns."""


def reference(now_ms: int) -> Iterator[Put]:
    """What stands on `control` before anything flows; half of the accounts are margin accounts."""
    records: list[control.Record] = []
    for symbol in SYMBOLS:
        instrument = Instrument(
            symbol=symbol,
            base=symbol.removesuffix(".SIM"),
            quote="USD",
            venue="SIM",
            tick="0.01",
            lot="0.001",
            min_notional="1",
            stale_ms=60_000,
            latency_low_ms=0,
            latency_high_ms=0,
        )
        records.append(InstrumentRecord(instrument=instrument))
    for number, account in enumerate(ACCOUNTS):
        kind = "margin" if number % 2 else "cash"
        records.append(Account(account=account, type=kind, mode="sim"))  # type: ignore[arg-type]  # one of the two
        records.append(Limits(account=account, stale_ms=60_000, cvar_bps=10_000, rate_per_s=10_000))
        records.append(deposit(account, "first", FIRST_CASH))
    for record in records:
        yield "control", control.key(record), control.encode(record), now_ms


def deposit(account: str, name: str, amount: str) -> Cash:
    """Cash from outside."""
    return Cash(account=account, id=name, currency="USD", amount=amount)


class Market:
    """Prices in ticks that wander, a quote or a trade at a time."""

    def __init__(self, chance: random.Random, clock: Clock) -> None:
        self._chance = chance
        self._clock = clock
        self.mid = dict.fromkeys(SYMBOLS, FIRST_TICKS)
        self._sequence = 0

    def tick(self) -> Put:
        """The next quote, or one time in five a trade."""
        chance, now = self._chance, self._clock()
        symbol = chance.choice(SYMBOLS)
        mid = self.mid[symbol] = max(1_000, self.mid[symbol] + chance.randint(-6, 6))
        self._sequence += 1
        if self._sequence % 5:
            quote = Quote(
                symbol=symbol,
                bid=mid - chance.randint(1, 3),
                ask=mid + chance.randint(1, 3),
                bid_size=chance.randint(100, 5_000),
                ask_size=chance.randint(100, 5_000),
                time=now,
                received=now,
                sequence=self._sequence,
                source="faults",
            )
            return "market.quotes", symbol, codec.encode(quote), now // 1_000_000
        trade = Trade(
            symbol=symbol,
            price=mid + chance.randint(-2, 2),
            size=chance.randint(10, 2_000),
            time=now,
            received=now,
            trade_id=self._sequence,
            source="faults",
            side=chance.choice(["buy", "sell"]),
        )
        return "market.trades", symbol, codec.encode(trade), now // 1_000_000
