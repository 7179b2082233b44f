"""The benchmark suite's command: `python -m tests.bench.suite --rows P1 --events 500000 --rounds 3`.

A benchmark is a module of this folder with `run(context: Context) -> Row`, listed in ROWS.
"""

import argparse
import importlib
import importlib.util
import sys
import tempfile
import traceback
from pathlib import Path

from rich.console import Console

from tests.bench import machine, plot, report
from tests.bench.context import ROOT, Context
from tests.bench.row import Line, Row

ROWS = {
    "P1": "tests.bench.throughput",
    "P2": "tests.bench.latency",
    "P3": "tests.bench.replay",
    "P4": "tests.bench.sink",
    "P5": "tests.bench.recovery",
    "P8": "tests.bench.growth",
    "P9": "tests.bench.startup",
    "P10": "tests.bench.features",
    "P11": "tests.bench.models",
}
"""Row of the performance page -> the module that measures it."""

FOLDER = ROOT / "docs" / "benchmarks"
ROUNDS_MIN = 3
SMOKE_EVENTS = 20_000


def rounds(text: str) -> int:
    """An argument of at least ROUNDS_MIN: fewer say nothing on a noisy machine."""
    number = int(text)
    if number < ROUNDS_MIN:
        raise argparse.ArgumentTypeError(f"at least {ROUNDS_MIN}")
    return number


def options() -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(prog="tests.bench.suite", description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=rounds, default=ROUNDS_MIN)
    parser.add_argument(
        "--broker",
        default="",
        help="P1 only: a broker to throw away, used in place of one started here",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="only show that the rows run; nothing is written"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where JSON and plots go")
    return parser.parse_args()


def measure(code: str, context: Context) -> Row:
    """One row's result; a row that cannot be measured says why in its only line."""
    module = ROWS[code]
    if importlib.util.find_spec(module) is None:
        return nothing(code, f"{module} is not there")
    try:
        row: Row = importlib.import_module(module).run(context)
    except Exception as error:  # noqa: BLE001  one row that fails must not take the others with it
        traceback.print_exc()
        return nothing(code, repr(error).replace(str(ROOT), "."))
    return row


def nothing(code: str, reason: str) -> Row:
    """A row that could not be measured."""
    name = ROWS[code].rpartition(".")[2]
    return Row(code, name, "not measured", [Line("all", "", not_run=reason)])


def context_of(chosen: argparse.Namespace, directory: Path, console: Console) -> Context:
    """What the rows are given."""
    events, number = (SMOKE_EVENTS, 1) if chosen.smoke else (chosen.events, chosen.rounds)
    return Context(events, number, directory, console.log, chosen.broker, chosen.smoke)


def main() -> None:
    """Runs the rows asked for, then shows one table; each row's files are written as soon as it is measured."""
    chosen = options()
    console = Console(stderr=True, log_path=False)
    rows, facts = [], machine.facts()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        context = context_of(chosen, Path(directory), console)
        for code in chosen.rows:
            rows.append(row := measure(code, context))
            measured = any(not line.not_run for line in row.lines)
            if measured and not chosen.smoke:  # nothing measured must not replace what was
                report.write(row, facts, chosen.folder)
                plot.plot(row, chosen.folder)
    Console(file=sys.stdout, width=report.WIDTH).print(report.table(rows, facts))


if __name__ == "__main__":
    main()
