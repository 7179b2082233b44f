"""A chunk that does not add up is not committed, whatever row is wrong; the process ends with exit code 70."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import msgspec
import pytest
from faust.types.tuples import TP

from agents.binding import CellsBinding
from agents.fold import Cell
from agents.live import LiveCell
from agents.routes import routes
from streams import control, topics
from streams.exits import Exit
from streams.gather import Run
from streams.meter import NoMeter
from streams.transaction import Transactions
from tables import proof
from tables.account import Totals
from tables.account_tables import AccountTables
from tables.lifecycle import BrokenInvariant
from tables.position import Position
from tests.limits.market import ENTRY, held
from tests.trading.drive import BTC, START_NS, Drive
from tests.transport.records import Record


def _cash(drive: Drive) -> None:
    balance = drive.tables.balances["a|USD"]
    balance.cash += 1
    balance.deposits += 1


def _house(drive: Drive) -> None:
    drive.tables.totals["USD"].house += 1


def _accounts(drive: Drive) -> None:
    totals = drive.tables.totals["USD"]
    totals.accounts += 1
    totals.deposits += 1


def _lots(drive: Drive) -> None:
    drive.tables.positions.put(f"a|{BTC.symbol}", Position(qty=9))


def _both_lots(drive: Drive) -> None:
    lots = drive.tables.lots[BTC.symbol]
    lots.positions += 1
    lots.house -= 1


def _reserved(drive: Drive) -> None:
    drive.tables.balances["a|USD"].reserved += 1


def _forgotten(drive: Drive) -> None:
    (order_id, _) = next(iter(drive.tables.orders.items()))
    drive.tables.orders.delete(order_id)


def _larger(drive: Drive) -> None:
    (order_id, order) = next(iter(drive.tables.orders.items()))
    terms = msgspec.structs.replace(order.terms, qty=order.qty + 1)
    drive.tables.orders.put(order_id, msgspec.structs.replace(order, terms=terms))


WRONGS: tuple[tuple[Callable[[Drive], None], str], ...] = (
    (_cash, "cash"),
    (_house, "not conserved"),
    (_accounts, "cash"),
    (_lots, "lots"),
    (_both_lots, "lots"),
    (_reserved, "reservations"),
    (_forgotten, "reservations"),
    (_larger, "reservations"),
)


@pytest.mark.parametrize("pending", [False, True], ids=["committed", "sealed"])
@pytest.mark.parametrize(("wrong", "what"), WRONGS, ids=[each[0].__name__ for each in WRONGS])
def test_wrong_row_stops_the_chunk(
    wrong: Callable[[Drive], None], what: str, pending: bool
) -> None:
    """The chunk before may be committed, or still on its way."""
    drive = held()
    proof.prove(drive.tables)
    for table in drive.tables.all():
        table.seal()
        if not pending:
            table.publish()
    order = drive.order(**ENTRY | {"qty": "0.002"}, client_order_id="open")
    drive.fill(order.order_id, 1, 5_000_000)
    proof.prove(drive.tables)
    wrong(drive)
    with pytest.raises(BrokenInvariant, match=what):
        proof.prove(drive.tables)


def test_cell_proves_its_chunk_before_it_is_sealed() -> None:
    (accounts,) = (group for group in routes(1) if group.name == "account")
    cell = Cell(accounts, 0, 1)
    cash = control.Cash(account="a", id="1", currency="USD", amount="1000")
    deposit = Record(0, START_NS // 10**6, control.key(cash).encode(), control.encode(cash))
    chunk = cell.apply([(topics.CONTROL.name, [deposit])])
    tables = cell.tables
    assert isinstance(tables, AccountTables)
    tables.totals["USD"].fees += 1
    with pytest.raises(BrokenInvariant, match="not conserved"):
        cell.seal(chunk)
    tables.totals["USD"].fees -= 1
    cell.seal(chunk)
    assert chunk.changes


def test_chunk_that_does_not_add_up_ends_the_process_with_70(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def end(code: Exit, why: str) -> NoReturn:
        raise SystemExit(code, why)

    async def run() -> None:
        log = Transactions("nowhere:1", "a", 1.0)
        binding = CellsBinding("nowhere:1", 1, routes(1), end, lambda *_: None, NoMeter(), log)
        (group,) = (group for group in routes(1) if group.name == "account")
        live = LiveCell(Cell(group, 0, 1), log, lambda *_: None, binding.fail)
        binding.cells["account", 0] = live
        binding._accepting = True
        assert isinstance(live.cell.tables, AccountTables)
        live.cell.tables.totals.put("USD", Totals(fees=1))
        orders: list[Run] = [(topics.ORDERS.name, [Record(0, START_NS // 10**6, b"a", b"{}")])]
        await binding.run(TP(topics.ORDERS.name, 0), orders)

    with pytest.raises(SystemExit) as ended:
        asyncio.run(run())
    assert ended.value.args[0] == int(Exit.INVARIANT)
    assert "not conserved" in capsys.readouterr().err
