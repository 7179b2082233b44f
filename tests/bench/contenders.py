"""Who takes part in the throughput row: programs that read BROKER, TOPIC and EVENTS and print one JSON line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams import launcher
from tests.bench import peers
from tests.bench.context import ROOT
from tests.bench.load import MIXED, QUOTES, SPARSE, Dataset
from tests.bench.result import Result, Task

RUN_SECONDS_MAX = 300


def ready() -> str:
    """A contender of the project's own environment needs nothing more."""
    return ""


class Contender(NamedTuple):
    """prepare: makes its runtime and returns "", or why it cannot run; share: it reads 1/share of the events.

    goal: what the subject is to reach against it. yardstick: the line that it is compared with, "" = the row's.
    """

    name: str
    argv: tuple[str, ...]
    prepare: Callable[[], str] = ready
    share: int = 1
    goal: str = ""
    dataset: Dataset = QUOTES
    yardstick: str = ""


YARDSTICK = "raw loop"
SUBJECT = "engine"
MIXED_YARDSTICK = "raw loop, quotes and trades"
RAW_LOOP = (sys.executable, "-m", "tests.bench.raw_loop")
ENGINE = (sys.executable, "-m", "tests.bench.engine")

CONTENDERS = (
    Contender(YARDSTICK, RAW_LOOP, goal="subject >= 0.7"),
    Contender(SUBJECT, ENGINE),
    Contender(
        "Kafka Streams, exactly_once_v2",
        ("java", "-jar", str(peers.STREAMS_JAR)),
        peers.kafka_streams,
        goal="subject >= 1.8",
    ),
    Contender(
        "Quix Streams, exactly-once",
        (str(peers.QUIX_PYTHON), "-W", "ignore", str(peers.HERE / "quix_peer.py")),
        peers.quix,
        goal="subject >= 5",
    ),
    Contender(
        "Faust agent + table, at-least-once",
        (sys.executable, "-m", "tests.bench.faust_peer"),
        share=20,
        goal="subject >= 60",
    ),
    Contender(MIXED_YARDSTICK, RAW_LOOP, share=2, dataset=MIXED, yardstick=MIXED_YARDSTICK),
    Contender(
        "engine, quotes and trades", ENGINE, share=2, dataset=MIXED, yardstick=MIXED_YARDSTICK
    ),
    Contender("engine, 20 quotes/s a symbol", ENGINE, share=2, dataset=SPARSE, yardstick=YARDSTICK),
)


class NotRun(Exception):
    """A contender gave no result; says why."""


def measure(contender: Contender, given: Task, directory: Path) -> Result:
    """Runs a contender once, its scratch files in `directory`. Raises NotRun."""
    events = given.events // contender.share
    environment = os.environ | {
        "BROKER": given.broker,
        "TOPIC": given.topic,
        "EVENTS": str(events),
        "TMPDIR": str(directory),
    }
    try:
        done = subprocess.run(
            tied(contender.argv),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired as error:
        raise NotRun(f"no result within {RUN_SECONDS_MAX} s") from error
    except OSError as error:
        raise NotRun(str(error)) from error
    if done.returncode:
        raise NotRun(f"exit {done.returncode}: {last_line(done.stderr).replace(str(ROOT), '.')}")
    return result_of(done.stdout, events)


def tied(argv: tuple[str, ...]) -> list[str]:
    """The command as a process that ends with this one, however this one ends."""
    program = shutil.which(argv[0]) or argv[0]
    tie = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid())]
    return [*tie, str(launcher.KEEP_USER), program, *argv[1:]]


def result_of(output: str, events: int) -> Result:
    """The result that a contender printed. Raises NotRun if it printed none or read another number of events."""
    try:
        result = msgspec.json.decode(last_line(output), type=Result)
    except msgspec.DecodeError as error:
        raise NotRun(f"its last line is no result: {last_line(output)[:80]!r}") from error
    if result.events != events:
        raise NotRun(f"it read {result.events} of {events} events")
    return result


def last_line(text: str) -> str:
    """The last line that is not blank, or ""."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
