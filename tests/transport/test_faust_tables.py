"""The cells' tables as Faust lists and reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.faust_tables import StateTable
from agents.fold import Cell
from streams import topics
from tests.transport.demo import DEMO
from tests.transport.dict_run import DictRun
from tests.transport.records import quote


def test_faust_lists_every_table_of_the_routes(tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "agents.console", "tables"],
        env=os.environ | {"HEADRACE_DATA": str(tmp_path), "COLUMNS": "200"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "account.positions" in listed
    assert "symbol.exchange.orders" in listed


def test_state_table_reads_what_all_cells_have_committed() -> None:
    first, second = DictRun(), DictRun()
    cells: list[Cell] = [first.cell, second.cell]
    table = StateTable("demo", "sums", lambda: cells)
    assert dict(table) == {}
    first.apply(topics.QUOTES, [quote(0, symbol="S0.X")])
    second.apply(topics.QUOTES, [quote(0, symbol="S1.X"), quote(1, symbol="S1.X")])
    assert sorted(table) == ["S0.X", "S1.X"]
    assert table["S1.X"].quotes == 2
    with pytest.raises(KeyError):
        table["S2.X"]


def test_state_table_does_not_show_an_open_chunk() -> None:
    cell = Cell(DEMO, 0, 4)
    table = StateTable("demo", "sums", lambda: [cell])
    chunk = cell.apply([("market.quotes", [quote(0)])])
    assert len(table) == 0
    cell.seal(chunk)
    assert len(table) == 0
    cell.publish()
    assert len(table) == 1
