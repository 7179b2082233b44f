"""Writes the results of a run: figures as JSON, curves, trades and fills as parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from api.replay import manifest
from api.replay.results.collected import Collected, Execution, Point, Trade

RESULTS, EQUITY, TRADES, FILLS = "results.json", "equity.parquet", "trades.parquet", "fills.parquet"
_COLUMN = {int: pa.int64(), float: pa.float64(), str: pa.string()}


def write(directory: Path, figures: dict[str, Any], found: Collected) -> None:
    """Write all four files; empty tables have their columns too."""
    directory.mkdir(parents=True, exist_ok=True)
    manifest.put(directory / RESULTS, figures)
    _table(directory / EQUITY, Point, found.points)
    _table(directory / TRADES, Trade, found.trades)
    _table(directory / FILLS, Execution, found.executions)


def _table(path: Path, kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> None:
    fields = msgspec.structs.fields(kind)
    schema = pa.schema([(field.name, _COLUMN[field.type]) for field in fields])
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields}
    pq.write_table(pa.table(columns, schema=schema), path)
