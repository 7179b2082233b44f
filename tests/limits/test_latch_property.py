"""Random fills, marks, deposits, days and orders against latches kept by definition, in fractions."""

from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from streams import control, money
from tables import exposure
from tests.limits.market import DAY, HOUR
from tests.support.machine import at_length, briefly
from tests.trading.drive import BTC, ETH, Drive, ready, wide

SYMBOLS = {BTC.symbol: BTC, ETH.symbol: ETH}
LOT_TICK = Fraction(1, 100) * Fraction(1, 1000)
CASH, LOSS, DRAWDOWN_BPS, FEES, RATE = 10_000, 150, 300, 5, 1_000
COOLDOWN = 6 * HOUR


@dataclass
class Twin:
    """One margin account without reservations. Amounts in currency units; prices in half ticks."""

    cash: Fraction = Fraction(CASH)
    fees: Fraction = Fraction(0)
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0))
    mid2: dict[str, int] = field(default_factory=dict)
    day: int = -1
    opening: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    peak: Fraction = Fraction(0)
    latched: dict[str, int] = field(default_factory=dict)

    @property
    def nav(self) -> Fraction:
        return self.cash + sum(self.value(symbol) for symbol in SYMBOLS)

    def value(self, symbol: str) -> Fraction:
        return self.held[symbol] * self.mid2[symbol] * LOT_TICK / 2

    def open_day(self, now: int) -> None:
        if now // DAY > self.day:
            self.day, self.opening, self.paid = now // DAY, self.nav, self.fees
            self.peak = max(self.peak, self.nav)

    def weigh(self, now: int) -> None:
        nav = self.nav
        self.peak = max(self.peak, nav)
        least = sum(abs(self.value(symbol)) for symbol in SYMBOLS) / 2
        due = {
            "LOSS": self.opening - nav >= min(Fraction(LOSS), self.opening / 20)
            and nav < self.opening,
            "DRAWDOWN": (self.peak - nav) * 10_000 >= DRAWDOWN_BPS * self.peak and nav < self.peak,
            "FEES": self.fees - self.paid >= FEES,
            "MARGIN": nav < least,
        }
        for name, tripped in due.items():
            if tripped and not self.holds(name, now):
                self.latched[name] = now

    def holds(self, name: str, now: int) -> bool:
        since = self.latched.get(name)
        return since is not None and (name in ("DRAWDOWN", "MARGIN") or since // DAY == now // DAY)

    def refuses(self, now: int) -> str:
        for name in self.latched:
            if self.holds(name, now):
                return f"LATCHED_{name}"
        return "COOLDOWN" if any(now < s + COOLDOWN for s in self.latched.values()) else ""


class LatchMachine(RuleBasedStateMachine):
    """A margin account whose fills come from exits, so that no gate stands in their way."""

    @initialize()
    def start(self) -> None:
        self.drive: Drive = ready(cash=str(CASH), type="margin", taker_rate=0, maker_rate=0)
        self.drive.control(
            wide(loss_max=str(LOSS), loss_bps=500, drawdown_bps=DRAWDOWN_BPS, fees_max=str(FEES),
                 cooldown_minutes=COOLDOWN // (HOUR // 60))
        )  # fmt: skip
        self.twin = Twin(mid2={BTC.symbol: 10_000_000, ETH.symbol: 400_000})
        self.number = 0

    @rule(symbol=st.sampled_from(sorted(SYMBOLS)), move=st.integers(-120, 120))
    def mark(self, symbol: str, move: int) -> None:
        """A move in basis points of a percent's tenth; the accounts that hold the symbol are weighed."""
        twin, now = self.twin, self.drive.clock
        holds = twin.held[symbol] != 0
        if holds:
            twin.open_day(now)
        mid2 = twin.mid2[symbol] = max(2, twin.mid2[symbol] * (10_000 + move) // 10_000)
        self.drive.mark(symbol, mid2 // 2, mid2 - mid2 // 2)
        if holds:
            twin.weigh(now)

    @rule(
        symbol=st.sampled_from(sorted(SYMBOLS)), lots=st.integers(-80, 80), off=st.integers(-50, 50)
    )
    def fill(self, symbol: str, lots: int, off: int) -> None:
        if not lots:
            return
        twin, price = self.twin, self.twin.mid2[symbol] // 2 + off
        side = "buy" if lots > 0 else "sell"
        self.drive.book(SYMBOLS[symbol], qty=abs(lots), price=price, side=side, fee_rate=RATE)
        notional = abs(lots) * price * LOT_TICK
        twin.held[symbol] += lots
        twin.fees += notional * RATE / 1_000_000
        twin.cash -= (notional if lots > 0 else -notional) + notional * RATE / 1_000_000

    @rule(amount=st.integers(-300, 300))
    def move_cash(self, amount: int) -> None:
        twin = self.twin
        if not amount or (amount < 0 and twin.nav < 5_000):
            return
        self.number += 1
        known = twin.nav
        if -amount > self._available():
            return
        self.drive.control(
            control.Cash(account="a", id=f"m{self.number}", currency="USD", amount=str(amount))
        )
        twin.cash += amount
        if twin.day >= 0:
            twin.opening += amount
            twin.peak = twin.peak * twin.nav / known if known > 0 else twin.peak + amount

    @rule()
    def order(self) -> None:
        """Weighed, then refused by the latch that holds, if one does."""
        self.number += 1
        now = self.drive.clock
        self.twin.open_day(now)
        self.twin.weigh(now)
        ticks = self.twin.mid2[ETH.symbol] // 2
        sent = self.drive.order(
            client_order_id=f"c{self.number}", symbol=ETH.symbol, qty="0.010", tif="IOC",
            price=ETH.price_text(ticks), bracket={"stop_loss": {"stop_price": ETH.price_text(ticks // 2)}},
        )  # fmt: skip
        refused = self.twin.refuses(now)
        assert sent.reason == refused or (not refused and not sent.reason.startswith("LATCHED"))
        if sent.outcome == "accepted":
            self.drive.ended(sent.order_id, "EXPIRED", 0, ETH)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        """Nothing is said meanwhile, so the first mark after it opens the day."""
        self.drive.clock += hours * HOUR
        for symbol in SYMBOLS:
            self.mark(symbol, 0)

    @rule()
    def resume(self) -> None:
        self.number += 1
        self.drive.control(control.Resume(account="a", reason="r", seq=self.number))
        self.twin.peak = Fraction(0)
        for name in ("DRAWDOWN", "MARGIN"):
            self.twin.latched.pop(name, None)

    @rule()
    def commit(self) -> None:
        self.drive.commit()

    @invariant()
    def watches_agree(self) -> None:
        watch, twin = self.drive.tables.guards.watches.get("a"), self.twin
        if watch is None:
            assert twin.day < 0 and not twin.latched
            return
        assert watch.latched == twin.latched
        if twin.day >= 0:
            assert (watch.day, Fraction(watch.opening, money.UNIT)) == (twin.day, twin.opening)
            assert abs(Fraction(watch.peak, money.UNIT) - twin.peak) < Fraction(1, 10**15)

    @invariant()
    def worth_agrees(self) -> None:
        found = exposure.of(self.drive.tables, "a", "USD", clock_ns=self.drive.clock)
        assert Fraction(found.nav, money.UNIT) == self.twin.nav
        assert Fraction(found.held, money.UNIT) == sum(abs(self.twin.value(s)) for s in SYMBOLS)

    def _available(self) -> Fraction:
        held = sum(abs(self.twin.value(symbol)) for symbol in SYMBOLS)
        return min(self.twin.cash, self.twin.nav - held)


def test_latches_follow_their_definition() -> None:
    briefly(LatchMachine, 20)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_latches_follow_their_definition_at_length() -> None:
    at_length(LatchMachine)
