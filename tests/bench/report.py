"""Shows rows as one table and writes each to docs/benchmarks as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.markup import escape
from rich.table import Table

from tests.bench.row import Line, Row

WIDTH = 118
HEADINGS = ("median", "spread", "to yardstick", "subject to it", "goal")


def figure(value: float) -> str:
    """A figure with three digits that matter, or whole with thousands marked."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def ratio(value: float | None) -> str:
    """A ratio with three digits that matter; blank when there is none."""
    return "" if value is None else f"{value:.3g}"


def cells(row: Row, line: Line) -> tuple[str, ...]:
    """The cells of one line after its name."""
    if line.not_run:
        return ("not run", "", "", "", line.goal)
    over, under = row.ratios(line)
    median = f"{figure(line.median)} {line.unit}"
    return (median, f"{line.spread:.0%}", ratio(over), ratio(under), line.goal)


def remarks(row: Row) -> Iterator[str]:
    """What has no place in the cells: what was measured, under which load, what did not run and why."""
    loads = ", ".join(f"{load:.2f}" for load in row.loads)
    yield f"{row.code}: {row.title}" + (
        f"; load average as each round began: {loads}" if loads else ""
    )
    if row.yardstick:
        yield f"{row.code}: yardstick: {row.yardstick}; subject: {row.subject}"
    yield from (f"{row.code}: {note}" for note in row.notes)
    yield from (
        f"{row.code}: {line.name}: not run: {line.not_run}" for line in row.lines if line.not_run
    )


def table(rows: Sequence[Row], facts: dict[str, str]) -> Table:
    """All rows as one table, with their remarks and what they were measured on below."""
    machine = " · ".join(f"{name} {text}" for name, text in facts.items())
    below = [*(remark for row in rows for remark in remarks(row)), machine]
    shown = Table(caption=escape("\n".join(below)), caption_justify="left", width=WIDTH)
    shown.add_column("")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shown.add_section()
        shown.add_row(f"[bold]{row.code} {row.name}[/bold]")
        for line in row.lines:
            shown.add_row(line.name, *cells(row, line))
    return shown


def record(row: Row, facts: dict[str, str]) -> dict[str, object]:
    """A row as it is written: its figures, what follows from them, and what it was measured on."""
    lines = []
    for line in row.lines:
        over, under = row.ratios(line)
        derived = {} if line.not_run else {"median": line.median, "spread": line.spread}
        lines.append(
            msgspec.to_builtins(line) | derived | {"to_yardstick": over, "subject_to_it": under}
        )
    whole: dict[str, object] = msgspec.to_builtins(row)
    return whole | {"lines": lines, "machine": facts}


def write(row: Row, facts: dict[str, str], folder: Path) -> Path:
    """Writes the row's JSON file and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row.name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record(row, facts)), indent=2) + b"\n")
    return path
