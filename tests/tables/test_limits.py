"""The gate's own checks one by one: what each refuses at its edge, and with which numbers."""

from typing import Any

import msgspec
import pytest

from streams import control
from streams.instruments import Instrument
from tables import limits
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.limits import Gate
from tables.orders import LiveOrder, OpenLots, Spent, Terms, pair
from tables.position import Position
from tests.tables.candidates import BTC, CASH, MARGIN, candidate, mark

TABLES = AccountTables(0)
LONG = Position(qty=100)


def refuses(refusal: Refusal | None) -> tuple[Gate, ...]:
    return (Gate(lambda candidate, tables: refusal, reducing=False),)


@pytest.mark.parametrize(
    ("order", "detail", "told"),
    [
        (candidate("sell", position=LONG), "lots 5 > 4", "lots 5 > 4; reducible_qty 0.1"),
        (candidate("sell", position=LONG), "", "reducible_qty 0.1"),
        (candidate("sell", position=LONG, open=OpenLots(reducing_sells=60)), "", "reducible_qty 0.04"),
        (candidate("buy", position=LONG), "lots 5 > 4", "lots 5 > 4"),
        (candidate("sell"), "lots 5 > 4", "lots 5 > 4"),
        (candidate("sell", position=LONG, instrument=None), "unknown", "unknown"),
    ],
)  # fmt: skip
def test_a_refused_entry_against_the_position_is_told_what_could_be_reduced(
    order: Candidate, detail: str, told: str
) -> None:
    refusal = limits.first_refusal(refuses(Refusal("CODE", detail)), order, TABLES)
    assert refusal == Refusal("CODE", told)


def test_a_check_that_is_not_for_reducing_orders_passes_them_and_one_that_is_does_not() -> None:
    exit = candidate("sell", position=LONG, is_reducing=True)
    refusal = Refusal("CODE", "why")
    assert limits.first_refusal(refuses(refusal), exit, TABLES) is None
    both = (*refuses(Refusal("OTHER")), Gate(lambda candidate, tables: refusal, reducing=True))
    assert limits.first_refusal(both, exit, TABLES) == refusal
    assert limits.first_refusal(refuses(None), candidate(), TABLES) is None


def check(name: str, order: Candidate) -> Refusal | None:
    found: Refusal | None = getattr(limits, name)(order, TABLES)
    return found


def known(**changed: Any) -> Instrument:
    return Instrument(**BTC.model_dump() | changed)


@pytest.mark.parametrize(
    ("name", "order", "refusal"),
    [
        ("_symbol", candidate(), None),
        ("_symbol", candidate(instrument=None), Refusal("UNKNOWN_SYMBOL", BTC.symbol)),
        ("_symbol", candidate(instrument=known(status="halted")), Refusal("SYMBOL_CLOSED", "halted")),
        ("_symbol", candidate(instrument=known(status="halted"), is_reducing=True), None),
        ("_symbol", candidate(instrument=known(status="delisted"), is_reducing=True),
         Refusal("SYMBOL_CLOSED", "delisted")),
        ("_account", candidate(), None),
        ("_account", candidate(profile=None), Refusal("UNKNOWN_ACCOUNT")),
        ("_has_limits", candidate(), None),
        ("_has_limits", candidate(limits=None), Refusal("NO_LIMITS")),
        ("_enabled", candidate(), None),
        ("_enabled", candidate(profile=None), Refusal("ACCOUNT_DISABLED")),
        ("_enabled", candidate(profile=control.Account(account="a", enabled=False)),
         Refusal("ACCOUNT_DISABLED")),
        ("_simulated", candidate(mode="sim"), None),
        ("_simulated", candidate(mode=""), Refusal("SIM_REFUSED", "account mode 'sim'")),
        ("_simulated", candidate(mode="", profile=None), Refusal("SIM_REFUSED", "no account")),
        ("_position", candidate(terms={"reduce_only": True}), Refusal("NO_POSITION", "nothing to reduce")),
        ("_position", candidate("sell", terms={"reduce_only": True}, position=LONG), None),
        ("_position", candidate(), None),
        ("_numbers", candidate(refused=Refusal("BAD_NUMBER", "qty")), Refusal("BAD_NUMBER", "qty")),
        ("_numbers", candidate(qty=0), None),
        ("_numbers", candidate(instrument=None), None),
        ("_numbers", candidate(qty=1), None),
        ("_numbers", candidate(instrument=known(min_qty=101)),
         Refusal("QTY_RANGE", "lots 100, from 101 to 1000000000")),
        ("_numbers", candidate(instrument=known(max_qty=99)), Refusal("QTY_RANGE", "lots 100, from 1 to 99")),
        ("_numbers", candidate(instrument=known(min_qty=100, max_qty=100)), None),
        ("_numbers", candidate("sell", position=LONG, is_reducing=True, instrument=known(min_qty=101)), None),
        ("_numbers", candidate("sell", position=Position(qty=101), is_reducing=True, instrument=known(min_qty=101)),
         Refusal("QTY_RANGE", "lots 100, from 101 to 1000000000")),
        ("_numbers", candidate(price=10**18), Refusal("NOTIONAL_OVERFLOW", "1000000000000000")),
        ("_numbers", candidate(price=10**18 - 1), None),
        ("_numbers", candidate(price=1, take_profit=10**18), Refusal("NOTIONAL_OVERFLOW", "1000000000000000")),
        ("_numbers", candidate(price=1, stop_loss=10**18), Refusal("NOTIONAL_OVERFLOW", "1000000000000000")),
    ],
)  # fmt: skip
def test_a_check_at_its_edge(name: str, order: Candidate, refusal: Refusal | None) -> None:
    assert check(name, order) == refusal


BRACKET = {"bracket": {"stop_loss": {"stop_price": "1"}}}


@pytest.mark.parametrize(
    ("side", "entry", "stop", "target", "is_valid"),
    [
        ("buy", 100, 99, 101, True),
        ("buy", 100, 99, 0, True),
        ("buy", 100, 0, 101, True),
        ("buy", 100, 100, 101, False),
        ("buy", 100, 101, 102, False),
        ("buy", 100, 99, 100, False),
        ("buy", 100, 99, 98, False),
        ("sell", 100, 101, 99, True),
        ("sell", 100, 100, 99, False),
        ("sell", 100, 101, 100, False),
        ("sell", 100, 0, 99, True),
    ],
)
def test_stop_entry_and_target_stand_in_this_order(
    side: str, entry: int, stop: int, target: int, is_valid: bool
) -> None:
    order = candidate(
        side, terms=BRACKET, price=entry, stop_loss=stop, take_profit=target, profile=MARGIN
    )
    detail = f"half ticks: stop {2 * stop}, entry {2 * entry}, target {2 * target}"
    assert check("_bracket", order) == (None if is_valid else Refusal("BRACKET_INVALID", detail))


def test_without_a_price_the_stop_and_the_target_are_still_in_order() -> None:
    terms: dict[str, Any] = {"terms": BRACKET, "mark": None, "profile": MARGIN}
    assert check("_bracket", candidate(stop_loss=5, take_profit=6, **terms)) is None
    assert check("_bracket", candidate(stop_loss=5, take_profit=5, **terms)) is not None
    assert check("_bracket", candidate(take_profit=5, **terms)) is None
    assert check("_bracket", candidate("sell", take_profit=5, **terms)) is None


def test_half_a_tick_from_the_mark_is_a_distance() -> None:
    terms: dict[str, Any] = {"terms": BRACKET, "mark": mark(201)}
    assert check("_bracket", candidate(stop_loss=100, take_profit=101, **terms)) is None


def test_a_cash_account_has_nothing_to_protect_behind_a_sell() -> None:
    order = candidate("sell", terms=BRACKET, profile=CASH)
    told = "a sell of a cash account opens nothing to protect"
    assert check("_bracket", order) == Refusal("BRACKET_INVALID", told)
    assert check("_bracket", candidate()) is None


def test_an_order_expires_when_its_time_is_not_ahead() -> None:
    late = candidate(
        expire_at=5_000_000, terms={"tif": "GTD", "expire_at": "2026-01-01T00:00:00Z"}, price=1
    )
    late.command = late.command.model_copy(update={"price": "1", "qty": "1"})
    late.clock = 7_000_000
    assert check("_combination", late) == Refusal("ALREADY_EXPIRED", "by 2 ms")
    late.clock = 5_000_000
    assert check("_combination", late) == Refusal("ALREADY_EXPIRED", "by 0 ms")
    late.clock = 4_999_999
    assert check("_combination", late) is None


def test_a_kill_covers_everything_its_account_symbol_or_strategy() -> None:
    scopes = ("global", "account:a", "symbol:s")
    assert limits.kill_scopes("a", "s", "") == scopes
    assert limits.kill_scopes("a", "s", "x") == (*scopes, "strategy:x")


OTO = {"group": {"kind": "oto", "parent": "entry"}, "qty": "1", "price": "1"}


def with_parent(**changed: Any) -> AccountTables:
    """Tables with the live order `entry` of account a."""
    tables = AccountTables(0)
    terms = Terms(qty=100, reserved_lot=1, limit=1, price=1)
    order = LiveOrder("a", "entry", BTC.symbol, 1, "limit", terms)
    tables.orders.put("1-0-5", msgspec.structs.replace(order, **changed))
    spent = Spent(5, "digest", "accepted", 1, 1, order_id="1-0-5", state="ACCEPTED")
    tables.spent.put(pair("a", "entry"), spent)
    return tables


NOT_LIVE = Refusal("BAD_COMBINATION", "group.parent entry is no live order")


@pytest.mark.parametrize(
    ("terms", "tables", "refusal"),
    [
        (OTO, with_parent(), None),
        (OTO, AccountTables(0), NOT_LIVE),
        (OTO, with_parent(closing=0), NOT_LIVE),
        (OTO | {"account": "b"}, with_parent(), NOT_LIVE),
        (OTO, with_parent(symbol="ETH/USD.T"), Refusal("BAD_COMBINATION", "group.parent is of ETH/USD.T")),
        (OTO | {"group": {"kind": "oco", "id": "g"}}, AccountTables(0), None),
        ({"qty": "1", "price": "1"}, AccountTables(0), None),
    ],
)  # fmt: skip
def test_an_armed_order_names_a_live_parent_of_its_account_and_symbol(
    terms: dict[str, Any], tables: AccountTables, refusal: Refusal | None
) -> None:
    assert limits._combination(candidate(terms=terms), tables) == refusal
