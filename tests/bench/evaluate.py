"""`make evaluate`: what the models say of the shared market data, with trainings on it; a fresh run each time.

Writes to build/evaluation what docs/evaluation.md quotes. Databases and files are the run's own.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pyarrow.parquet as pq

from sinks.local import LocalPostgres
from sinks.migrate import migrate
from tests.feeds.shared import MARKET_DATA
from tests.train import candles

OUT = Path("build/evaluation")
HEADRACE = Path(sys.executable).parent / "headrace"
RUN = "evaluation"
MODELS = ("up1s.micro.all", "up5s.micro.all")
SPAN_NS = 4 * 3600 * 10**9
ROWS_MIN = "1000,150,150"
"""Eleven minutes hold no more labels of a second; the rule asks for 5,000, 500 and 500."""


def main() -> None:
    """Replay, report, train."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--data", type=Path, default=MARKET_DATA, help="where the market data lie")
    data = given.parse_args().data
    shutil.rmtree(OUT, ignore_errors=True)
    with LocalPostgres(OUT / "postgres") as database:
        asyncio.run(_migrated(database.url))
        environment = {"HEADRACE_DATA": str(OUT), "HEADRACE_POSTGRES_URL": database.url}
        _run(
            environment,
            "replay",
            "--run",
            RUN,
            "--path",
            str(data),
            "--keep",
            "examples,predictions",
        )
        kept = OUT / "replays" / RUN
        for model in MODELS:
            _run(
                environment,
                "models",
                "report",
                model,
                "--run",
                str(kept),
                "--out",
                str(OUT / model),
            )
        examples = str(kept / "examples.jsonl")
        few = ("--source", "examples", "--rows-min", ROWS_MIN)
        _run(environment, "train", MODELS[0], examples, *few)
        _store_candles(database.url, data / "candles.parquet")
        _run(environment, "train", "up4h.bars.all", "--origin", "coinbase", "--interval", "4h")


async def _migrated(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        await migrate(sql)


def _store_candles(url: str, path: Path) -> None:
    """As if a backfill had checked and stored them."""
    rows = [
        (row["symbol"], row["ts"] * 10**9, *(str(row[name]) for name in "ohlcv"))
        for row in pq.read_table(path).to_pylist()
    ]
    times = [row[1] for row in rows]
    candles.store(url, "coinbase", "4h", rows, [(min(times), max(times) + SPAN_NS)])


def _run(environment: dict[str, str], *arguments: str) -> None:
    """A command of headrace; a refusal by a rule is a result, too."""
    print(f"\n$ headrace {' '.join(arguments)}", flush=True)
    width = {"COLUMNS": "160"}
    done = subprocess.run([HEADRACE, *arguments], env=os.environ | width | environment, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
