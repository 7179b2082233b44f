"""Plays faults and prints the table of what came of them: `python -m tests.sinks.faults --runs 3 --only lock disk`.

Each fault runs under load against a database of its own. Afterwards every committed record stands in its table or among
the rejects, once, with the contents that the log has. It prints one line a fault and exits with 1 on any violation.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from sinks.local import LocalPostgres
from streams import admin
from streams.local import LocalKafka
from tests.sinks import disk
from tests.sinks.breaks import PARTS
from tests.sinks.compare import compare
from tests.sinks.conftest import PARTITIONS
from tests.sinks.load import Load
from tests.sinks.scene import Scene

HEADER = "fault | runs | seed | records | violations | recovery p50 | max | exit codes"
DOWN_S = (0.5, 3.0)


def play(name: str, runs: int, scene: Scene) -> Scene:
    """One fault from an empty database to the comparison of all that was stored."""
    scene.load = Load(scene.kafka, scene.chance, poison=name == "poison", jumps=name == "times")
    with scene.under_load():
        PARTS[name](scene, runs)
    scene.drain()
    scene.violations += compare(scene.kafka, scene.database.url)
    return scene


@contextmanager
def storage(name: str, where: Path) -> Iterator[Path | None]:
    """Where the database of a fault keeps its files; None where it cannot have what the fault needs."""
    if name != "disk":
        yield where / "postgres"
        return
    with disk.small(where / "small") as mounted:
        yield where / "small" / "postgres" if mounted else None


def apply_topics(kafka: str) -> None:
    """The catalogue on a new broker."""
    asyncio.run(admin.apply(kafka, PARTITIONS, embedded=True))


def line(name: str, runs: int, seed: int, scene: Scene) -> str:
    """Its row of the table."""
    times = scene.recovered_s or [0.0]
    codes = sorted(set(scene.ends))
    return (
        f"{name} | {runs} | {seed} | {scene.kept()} | {len(scene.violations)} | "
        f"{median(times):.1f} s | {max(times):.1f} s | {codes}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Play the faults asked for and print their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.sinks.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=4, help="faults of each kind")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--down", type=float, default=DOWN_S[1], help="longest absence in seconds")
    options = parser.parse_args(arguments)
    lines, violated = [], False
    with tempfile.TemporaryDirectory(prefix="headrace-sink-") as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        for name in options.only:
            chance = random.Random(options.seed)
            where = directory / name
            where.mkdir()
            with LocalKafka(where / "kafka") as kafka, storage(name, where) as data:
                if data is None:
                    lines.append(f"{name} | not run: no file system can be mounted here")
                    continue
                print(f"{name}: {options.runs} faults, seed {options.seed}", flush=True)
                apply_topics(kafka.bootstrap)
                with LocalPostgres(data) as database:
                    down_s = (DOWN_S[0], options.down)
                    scene = Scene(kafka.bootstrap, database, where, "faults", chance, down_s)
                    play(name, options.runs, scene)
                    lines.append(line(name, options.runs, options.seed, scene))
                    print(f"  {lines[-1]}", flush=True)
                    for violation in scene.violations:
                        print(f"  {violation}")
                    violated = violated or bool(scene.violations)
    print(HEADER, *lines, sep="\n")
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
