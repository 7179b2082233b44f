"""`python -m tests.catalogue.changelogs`: keeps rows of this release's changelogs, which the next release must read.

Written at a release, from a small run over dicts; what earlier releases wrote is never touched.
"""

import asyncio
import sys
import tempfile
from itertools import islice
from pathlib import Path

import msgspec

from agents.backtest import CellState
from api.replay.manifest import Manifest
from api.replay.market_files import MarketFiles
from api.replay.whatif import Run
from release.notes import version
from streams.feeds import reference
from streams.feeds.synthetic import rounds

FOLDER = Path(__file__).parent / "golden" / "changelogs"
PARTITIONS, SECONDS, SEED = 2, 48, 7
PER_TABLE = 2
INSTRUMENT = next(i for i in reference.SIMULATED if i.symbol == "LTC/USD.SIM")


class Row(msgspec.Struct):
    """One value of a table. group: whose cells hold it; version: of its type, one byte; text: JSON, as logged."""

    group: str
    key: str
    version: int
    text: str

    @property
    def value(self) -> bytes:
        """As it stands in the changelog."""
        return bytes([self.version]) + self.text.encode()


def read(release: str) -> list[Row]:
    """What a release wrote."""
    lines = (FOLDER / f"{release}.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Row) for line in lines]


def releases() -> list[str]:
    """Those whose rows are kept."""
    return sorted(file.stem for file in FOLDER.glob("*.jsonl"))


def rows() -> list[Row]:
    """The first rows of each table after a run that trades and learns."""
    found: list[Row] = []
    for name, state in sorted(_cells().items()):
        seen: dict[str, int] = {}
        for key, value in sorted(state.rows.items()):
            table = key.partition("|")[0]
            seen[table] = seen.get(table, 0) + 1
            if seen[table] <= PER_TABLE:
                found.append(Row(name.rpartition("-")[0], key, value[0], value[1:].decode()))
    return found


def _cells() -> dict[str, CellState]:
    with tempfile.TemporaryDirectory() as name:
        with MarketFiles(Path(name), {INSTRUMENT.symbol: INSTRUMENT}) as out:
            for batch in islice(rounds(SEED, 1_000, instruments=(INSTRUMENT,)), SECONDS):
                out.write(batch)
        plan = Manifest(
            run="changelogs", partitions=PARTITIONS, generation=1, path=name,
            strategy="tests.replay.strategies:Often", params={"every": "3"},
        )  # fmt: skip
        run = Run(plan, None)
        asyncio.run(run.go())
        return run._backtest.state().cells


def write() -> Path:
    """Keep the rows of the present version."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{version()}.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows()))
    return file


if __name__ == "__main__":
    sys.stdout.write(f"{write()}\n")
