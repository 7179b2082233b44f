"""Reads trades and quotes out of parquet and CSV files, block by block."""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from streams.feeds.file_rows import OPTIONAL_COLUMNS, QUOTE_COLUMNS, TRADE_COLUMNS, Row

log = logging.getLogger(__name__)

BLOCK_ROWS = 8192
"""Rows of one file that are held in memory at a time."""

SUFFIXES = (".parquet", ".csv")


class FeedFileError(ValueError):
    """A path that holds no trades or quotes this feed can read."""


@dataclass(frozen=True)
class Table:
    """One file of trades or quotes. columns: those that the file has, in its own order."""

    path: Path
    kind: Literal["trades", "quotes"]
    columns: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns of a row of this kind, in the order of the rows."""
        return TRADE_COLUMNS if self.kind == "trades" else QUOTE_COLUMNS

    def rows(self, wanted: tuple[str, ...]) -> Iterator[Row]:
        """The file's rows with the `wanted` columns; a column that the file has not is None.

        A CSV line of the wrong length is a row of None.
        """
        read = _parquet_rows if self.path.suffix == ".parquet" else _csv_rows
        return read(self, wanted)


def open_tables(paths: list[Path]) -> list[Table]:
    """The tables in these files and directories, trades first; files of a directory that hold neither are left out.

    Raises FeedFileError where a named file is neither, or where nothing is found.
    """
    tables: list[Table] = []
    for path in paths:
        if path.is_dir():
            files = sorted(child for child in path.iterdir() if child.suffix in SUFFIXES)
            found = [table for file in files if (table := _classify(file)) is not None]
            log.info("%s: reading %s", path.name, [table.path.name for table in found])
            tables += found
        elif (table := _classify(path)) is not None:
            tables.append(table)
        else:
            raise FeedFileError(f"{path}: columns are neither {TRADE_COLUMNS} nor {QUOTE_COLUMNS}")
    if not tables:
        raise FeedFileError(f"no trades or quotes in {', '.join(map(str, paths))}")
    return sorted(tables, key=lambda table: table.kind == "quotes")


def _classify(path: Path) -> Table | None:
    columns = _parquet_columns(path) if path.suffix == ".parquet" else _csv_columns(path)
    if set(columns) >= set(TRADE_COLUMNS) - OPTIONAL_COLUMNS:
        return Table(path, "trades", columns)
    if set(columns) >= set(QUOTE_COLUMNS) - OPTIONAL_COLUMNS:
        return Table(path, "quotes", columns)
    return None


def _csv_columns(path: Path) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as lines:
            return tuple(next(csv.reader(lines), ()))
    except (OSError, csv.Error) as error:
        raise FeedFileError(f"{path}: {error}") from error


def _csv_rows(table: Table, wanted: tuple[str, ...]) -> Iterator[Row]:
    places = [table.columns.index(name) if name in table.columns else None for name in wanted]
    nothing: Row = (None,) * len(wanted)
    with table.path.open(newline="", encoding="utf-8", errors="replace") as lines:
        reader = csv.reader(lines)
        next(reader, None)
        for cells in reader:
            if len(cells) != len(table.columns):
                yield nothing
                continue
            yield tuple(None if place is None else cells[place] or None for place in places)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    parquet = _pyarrow_parquet()
    try:
        return tuple(parquet.read_schema(path).names)
    except (OSError, ValueError) as error:  # pyarrow's own errors are children of these
        raise FeedFileError(f"{path}: {error}") from error


def _parquet_rows(table: Table, wanted: tuple[str, ...]) -> Iterator[Row]:
    present = [name for name in wanted if name in table.columns]
    with _pyarrow_parquet().ParquetFile(table.path) as file:
        for block in _blocks(file, present):
            values = {name: _values(block.column(name)) for name in present}
            nothing = [None] * block.num_rows
            yield from zip(*(values.get(name, nothing) for name in wanted), strict=True)


def _blocks(file: Any, columns: list[str]) -> Iterator[Any]:
    """A row group at a time: read in one go, the reader keeps something of each until the end of the file."""
    for number in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=BLOCK_ROWS, row_groups=[number], columns=columns)


def _values(column: Any) -> list[Any]:
    # A dictionary column makes one Python string a row, twenty times slower than decoding it first.
    plain = column.dictionary_decode() if hasattr(column, "dictionary") else column
    values: list[Any] = plain.to_pylist()
    return values


def _pyarrow_parquet() -> Any:
    try:
        import pyarrow.parquet as parquet  # noqa: PLC0415 - in the extra [local]; workers go without
    except ImportError as error:
        raise FeedFileError("parquet files need the extra headrace[local]") from error
    return parquet
