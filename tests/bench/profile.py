"""Where the engine's time goes in the throughput row: `python -m tests.bench.profile --events 500000`.

Two runs: one with coarse timers around the phases of the main thread and the CPU time of each thread, one under
cProfile for the functions. Written to docs/benchmarks/profile.md.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from streams.local import LocalKafka
from tests.bench import machine
from tests.bench.contenders import RUN_SECONDS_MAX, tied
from tests.bench.context import ROOT
from tests.bench.load import DATASETS, QUOTES, load

FOLDER = ROOT / "docs" / "benchmarks"
PREFIX = "profile-"


def measured(kind: str, environment: dict[str, str]) -> str:
    """What one profiled run of the engine printed. RuntimeError with the end of its errors if it fails."""
    done = subprocess.run(
        tied((sys.executable, "-m", "tests.bench.profiled", kind)),
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    if done.returncode:
        raise RuntimeError(f"{kind}: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout[done.stdout.index("#") :]


def page(events: int, dataset: str) -> str:
    """Runs both on a broker of their own; the page."""
    with tempfile.TemporaryDirectory(prefix="headrace-profile-") as directory:
        with LocalKafka(Path(directory) / "kafka") as kafka:
            chosen = DATASETS[dataset]
            asyncio.run(load(kafka.bootstrap, PREFIX, chosen, events))
            environment = {
                "BROKER": kafka.bootstrap,
                "TOPIC": ",".join(chosen.names(PREFIX)),
                "EVENTS": str(events),
                "TMPDIR": directory,
            }
            parts = [measured(kind, environment) for kind in ("phases", "functions")]
    facts = "\n".join(f"- {name}: {text}" for name, text in machine.facts().items())
    title = (
        f"# Where the engine's time goes\n{events:,} ticks, dataset `{dataset}`, one partition.\n"
    )
    return "\n".join([title, *parts, "## Measured on", facts, ""])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests.bench.profile", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--dataset", choices=list(DATASETS), default=QUOTES.name)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    written = page(given.events, given.dataset)
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "profile.md").write_text(written)
    print(written)


if __name__ == "__main__":
    main()
