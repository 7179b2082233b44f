"""Fee schedules: the tier follows 30 days of traded notional, and an order keeps the rates it was accepted with."""

from typing import Any

import pytest

from streams import control, money
from streams.codec import Undecodable
from tables import fees
from tables.account_tables import AccountTables, Volume
from tests.trading.drive import BTC, Drive, ready

LIMIT = {"qty": "0.010", "price": "50000.00"}
DAY_NS = fees.DAY_NS
OWN: dict[str, Any] = {"kind": "fees", "name": "own"}


def _schedule(*tiers: tuple[str, int, int], **fields: Any) -> control.Fees:
    made = [{"from": least, "maker": maker, "taker": taker} for least, maker, taker in tiers]
    return control.Fees.model_validate(OWN | {"tiers": made} | fields)


@pytest.mark.parametrize(
    ("thousands", "maker", "taker"),
    [(0, 16, 26), (10, 14, 24), (50, 12, 22), (100, 10, 20), (250, 8, 18), (500, 6, 16),
     (1_000, 4, 14), (2_500, 2, 12), (5_000, 0, 10), (10_000, 0, 8), (25_000, 0, 6),
     (100_000, 0, 4)],
)  # fmt: skip
def test_built_in_tier_begins_at_its_threshold(thousands: int, maker: int, taker: int) -> None:
    least = thousands * 1_000 * money.UNIT
    tier = fees.reached(fees.KRAKEN, least)
    assert (tier.maker, tier.taker) == (maker * 100, taker * 100)
    if least:
        below = fees.reached(fees.KRAKEN, least - 1)
        assert below == fees.KRAKEN[fees.KRAKEN.index(tier) - 1]


def _rates(drive: Drive, id: str) -> tuple[int, int]:
    order = drive.accepted[drive.order(**LIMIT, client_order_id=id).order_id]
    return order.maker_rate, order.taker_rate


def test_order_keeps_the_rates_of_its_acceptance() -> None:
    drive = ready(cash="1000000")
    first = drive.order(**LIMIT | {"qty": "0.300"}, client_order_id="c1")
    assert (first.maker_rate, first.taker_rate) == (1600, 2600)
    drive.fill(first.order_id, 199, 5_000_000)
    assert _rates(drive, "c2") == (1600, 2600)  # 9,950 traded
    drive.fill(first.order_id, 1, 5_000_000)
    assert _rates(drive, "c3") == (1400, 2400)  # 10,000
    assert drive.tables.orders[first.order_id].taker_rate == 2600


def test_rate_of_the_account_replaces_that_of_the_tier_alone() -> None:
    tables = AccountTables(0)
    assert fees.rates(control.Account(account="a", maker_rate=5), 0, tables) == (5, 2600)
    assert fees.rates(control.Account(account="a", taker_rate=6), 0, tables) == (1600, 6)


@pytest.mark.parametrize(("maker", "taker"), [(200, 0), (-200, 0), (0, 200), (0, -200)])
def test_change_of_two_basis_points_at_any_volume_is_a_large_one(maker: int, taker: int) -> None:
    known = fees.tiers(_schedule(("0", 1000, 2000), ("100", 900, 1900)))
    changed = _schedule(("0", 1000, 2000), ("100", 900 + maker, 1900 + taker))
    assert fees.differs(changed, known)
    almost = _schedule(("0", 1000, 2000), ("100", 900 + maker // 2, 1900 + taker // 2))
    assert not fees.differs(almost, known)


def test_volume_counts_for_thirty_utc_days() -> None:
    tables, profile = AccountTables(0), control.Account(account="a")
    day = 20_000
    fees.book(tables, "a", 10_000 * money.UNIT, day * DAY_NS)
    last = (day + 30) * DAY_NS - 1
    assert fees.rates(profile, last, tables) == (1400, 2400)
    assert fees.rates(profile, last + 1, tables) == (1600, 2600)
    fees.book(tables, "a", money.UNIT, last + 1)
    assert tables.volumes["a"] == Volume({day + 30: money.UNIT})


def test_account_of_another_schedule_pays_its_tiers() -> None:
    drive = ready(fees="own")
    drive.control(_schedule(("0", -100, 300), ("100", 0, 200), confirm=True))
    assert _rates(drive, "c1") == (-100, 300)
    drive.fill("1-0-0", 10, 5_000_000)
    assert _rates(drive, "c2") == (0, 200)


def test_own_rates_of_an_account_come_before_its_schedule() -> None:
    assert _rates(ready(taker_rate=7), "c1") == (1600, 7)
    assert _rates(ready(maker_rate=1, taker_rate=7), "c1") == (1, 7)


def test_rebate_is_not_spent_before_it_is_earned() -> None:
    drive = ready(maker_rate=-300, taker_rate=-200)
    assert drive.order(**LIMIT).reserved == "500"


def test_large_change_of_a_schedule_has_to_be_meant() -> None:
    drive = ready(fees="own")
    drive.control(_schedule(("0", 1500, 2500)))
    for record in (_schedule(("0", 1500, 2700)), _schedule(("0", 1500, 2500), ("5", 1200, 2500))):
        with pytest.raises(Undecodable, match="needs confirm"):
            drive.control(record)
    assert _rates(drive, "c1") == (1500, 2500)
    drive.control(_schedule(("0", 1500, 2699)))
    drive.control(_schedule(("0", 0, 0), confirm=True))
    assert _rates(drive, "c2") == (0, 0)


def test_exits_count_as_traded_too() -> None:
    drive = ready(cash="1000000")
    entry = drive.order(**LIMIT, client_order_id="c1")
    drive.fill(entry.order_id, 10, 5_000_000)
    drive.book(qty=10, price=5_000_000, side="sell", instrument=BTC)
    assert sum(drive.tables.volumes["a"].days.values()) == 1_000 * money.UNIT
