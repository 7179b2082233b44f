"""What trips a latch, and what refuses: tables of (state, observation, expected), each at its edge."""

from typing import NamedTuple

import msgspec
import pytest

from tables import latches
from tables.profiles import SHIPPED
from tables.watch import Watch
from tests.limits.market import DAY, MINUTE

LIMITS = msgspec.structs.replace(SHIPPED["default"], loss=100, fees=7)
"""Loss 100 or 5 %, drawdown 10 %, fees 7, cooldown an hour; in the smallest units."""


class Trip(NamedTuple):
    """A day that opened at 1,000 (peak 1,000 too): the worth now, fees of the day, maintenance margin, what trips."""

    nav: int
    names: tuple[str, ...] = ()
    paid: int = 0
    least: int | None = None
    opening: int = 1_000
    peak: int = 1_000


@pytest.mark.parametrize(
    "trip",
    [
        Trip(1_000),
        Trip(951),
        Trip(950, ("LOSS",)),
        Trip(9_901, opening=10_000, peak=10_000),
        Trip(9_900, ("LOSS",), opening=10_000, peak=10_000),
        Trip(2_000),
        Trip(901, ("LOSS",)),
        Trip(900, ("LOSS", "DRAWDOWN")),
        Trip(900, ("DRAWDOWN",), opening=900),
        Trip(990, ("DRAWDOWN",), opening=990, peak=1_100),
        Trip(991, opening=991, peak=1_100),
        Trip(1_000, paid=6),
        Trip(1_000, ("FEES",), paid=7),
        Trip(1_000, paid=-8),
        Trip(1_000, least=1_000),
        Trip(1_000, ("MARGIN",), least=1_001),
        Trip(-1, ("LOSS", "DRAWDOWN", "MARGIN"), least=0),
        Trip(-1, ("LOSS", "DRAWDOWN"), least=None),
        Trip(0, opening=0, peak=0),
        Trip(-1, ("LOSS", "DRAWDOWN"), opening=0, peak=0),
    ],
)
def test_latch_trips_at_its_limit_and_not_before(trip: Trip) -> None:
    watch = Watch(day=0, opening=trip.opening, peak=trip.peak)
    found = latches.due(watch, LIMITS, trip.nav, trip.paid, trip.least)
    assert tuple(latch.name for latch in found) == trip.names


NOON = DAY // 2
LATE = DAY - 10 * MINUTE


@pytest.mark.parametrize(
    ("latched", "now", "reason"),
    [
        ({}, NOON, ""),
        ({"LOSS": NOON}, NOON, "LATCHED_LOSS"),
        ({"LOSS": NOON}, DAY - 1, "LATCHED_LOSS"),
        ({"LOSS": NOON}, DAY, ""),
        ({"FEES": LATE}, DAY, "COOLDOWN"),
        ({"FEES": LATE}, DAY + 50 * MINUTE - 1, "COOLDOWN"),
        ({"FEES": LATE}, DAY + 50 * MINUTE, ""),
        ({"DRAWDOWN": NOON}, 30 * DAY, "LATCHED_DRAWDOWN"),
        ({"MARGIN": NOON}, 30 * DAY, "LATCHED_MARGIN"),
        ({"LOSS": LATE, "MARGIN": LATE}, DAY, "LATCHED_MARGIN"),
        ({"LOSS": LATE, "FEES": NOON}, DAY, "COOLDOWN"),
    ],
)
def test_latch_refuses_as_long_as_it_holds(latched: dict[str, int], now: int, reason: str) -> None:
    assert latches.refusal(Watch(latched=latched), LIMITS, now)[0] == reason
