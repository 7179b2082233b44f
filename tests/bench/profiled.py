"""One profiled run of the throughput row's engine, as Markdown: `python -m tests.bench.profiled phases|functions`."""

import cProfile
import pstats
import sys
import threading
import time
from os import _exit
from pathlib import Path
from typing import Any, Protocol

from agents import fold, live, observe
from agents.outbox import Outbox
from streams import gather, transaction
from streams.topics import Topic
from tests.bench import engine
from tests.bench.phases import Phases, cpu_by_thread
from tests.bench.result import Result, task

FUNCTIONS_SHOWN = 40
WRAPPED: tuple[tuple[Any, str, str], ...] = (
    (gather.Gather, "add", "fetch: gathering what the consumer's thread fetched"),
    (gather.Gather, "chunk", "fetch: gathering what the consumer's thread fetched"),
    (Topic, "decode_all", "decode"),
    (fold.Walk, "_quickly", "handlers"),
    (fold.Walk, "_carefully", "handlers of records one by one (control, orders), decode included"),
    (Outbox, "add", "encode: outputs"),
    (fold.Cell, "_chunk", "chunk: progress, times"),
    (fold.Cell, "seal", "encode: changelog"),
    (fold.Cell, "publish", "chunk: publish"),
    (live.LiveCell, "_writes", "send: laying out records"),
    (transaction, "_batches", "send: building batches"),
    (observe, "Counter", "meter: counting outputs"),
)
REST = "the rest: event loop, Faust, the producer's protocol (transactions)"
WAITING = "not running: waiting for records, commits, the GIL or a core"


def say(text: str) -> None:
    """To the real standard output, which Faust's worker has turned into a log."""
    assert sys.__stdout__ is not None, "the profile reads standard output"
    sys.__stdout__.write(f"{text}\n")
    sys.__stdout__.flush()


class Watcher(Protocol):
    """Is told of the beginning and the end of a run."""

    def begun(self) -> None:
        """The first tick is here."""

    def ended(self, result: Result) -> None:
        """The last tick is committed. Ends the process."""


class ByPhase:
    """The run with timers."""

    def __init__(self) -> None:
        self._phases = Phases()
        for owner, name, phase in WRAPPED:
            self._phases.wrap(owner, name, phase)
        self._phases.watch_collector("garbage collection")
        self._before: dict[str, float] = {}
        self._started = 0.0

    def begun(self) -> None:
        """The first tick is here."""
        self._phases.reset()
        self._before, self._started = cpu_by_thread(), time.perf_counter()

    def ended(self, result: Result) -> None:
        """The last tick is committed."""
        whole = time.perf_counter() - self._started
        used = {
            name: spent - self._before.get(name, 0.0) for name, spent in cpu_by_thread().items()
        }
        mine = used[threading.current_thread().name]
        seconds, calls = dict(self._phases.seconds), self._phases.calls
        seconds[REST] = mine - sum(seconds.values())
        seconds[WAITING] = whole - mine
        say("## By phase: CPU time of the main thread\n")
        say(
            f"{result.events / whole:,.0f} ticks/s in {whole:.3f} s; {result.outputs / result.events:.3g} outputs a "
            f"tick, {result.events / result.transactions:,.0f} ticks a transaction.\n"
        )
        say("| phase | seconds | share | calls | ns a tick |\n| --- | --- | --- | --- | --- |")
        for phase, spent in sorted(seconds.items(), key=lambda pair: -pair[1]):
            each = 1e9 * spent / result.events
            say(f"| {phase} | {spent:.3f} | {spent / whole:.1%} | {calls[phase]:,} | {each:,.0f} |")
        say(
            "\n## CPU by thread\n\n| thread | seconds | share of the wall clock |\n| --- | --- | --- |"
        )
        for name, spent in used.items():
            if spent > whole / 1000:
                say(f"| {name} | {spent:.3f} | {spent / whole:.1%} |")
        say("")
        _exit(0)


class ByFunction:
    """The run under cProfile, which makes Python functions look dearer than C functions."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def begun(self) -> None:
        """The first tick is here."""
        self._profile.enable()

    def ended(self, result: Result) -> None:
        """The last tick is committed."""
        self._profile.disable()
        rows: dict[tuple[str, int, str], tuple[Any, ...]]
        rows = pstats.Stats(self._profile).stats  # type: ignore[attr-defined]  # not in its stubs
        whole = sum(row[2] for row in rows.values())
        say("## By function: the main thread under cProfile, own time\n")
        say(f"{whole:.2f} s with the profiler's own cost.\n")
        say("| function | calls | own seconds | share |\n| --- | --- | --- | --- |")
        ordered = sorted(rows.items(), key=lambda pair: -pair[1][2])
        for (file, line, function), (_, calls, own, *_) in ordered[:FUNCTIONS_SHOWN]:
            place = f"{Path(file).parent.name}/{Path(file).name}:{line} " if line else ""
            say(f"| `{place}{function}` | {calls:,} | {own:.3f} | {own / whole:.1%} |")
        say("")
        _exit(0)


if __name__ == "__main__":
    watcher: Watcher = ByPhase() if sys.argv[1] == "phases" else ByFunction()
    sys.exit(engine.run(task(), watcher.begun, watcher.ended))
