"""Scale-out for real: `make scale`. One, two, three workers on one machine against one broker.

First a backlog of equal inputs, shown at once, is worked off by each count of workers. Then workers join and leave
under an open-loop load, one by kill -9. After each part `headrace verify` must find nothing. On a shared machine, read
ratios alone.
"""

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from streams.local import LocalKafka
from tests.faults import cluster, market
from tests.faults.commands import fixed_rounds
from tests.faults.load import ORDERS_PER_S, TICKS_PER_S, Load
from tests.faults.workers import ROOT
from tests.scale.fleet import LEARNING, Fleet
from tests.scale.footprint import Footprint, footprint
from tests.scale.progress import Progress
from tests.scale.rest import until_at_rest

WORKERS = (1, 2, 3)
FED = ("market.quotes", "market.trades", "orders")
"""What the backlog is put on; the engine's own topics follow from it."""

INPUTS = (*FED, "orders.accepted", "orders.events", "fills")
"""Of the groups that run here."""

COUNTED = 0.95
"""The share of the backlog by whose end the rate is taken: the last cells finish alone."""

SETTLE_S = 3.0
ROUND_COMMANDS = 500


@dataclass(frozen=True)
class Drained:
    """One backlog, worked off by so many workers. rate: of the inputs that were fed, a second."""

    workers: int
    events: int
    rate: float
    resident_mib: float
    verified: int


@dataclass(frozen=True)
class Change:
    """One change of the fleet under load, and the longest standstill of a partition from it until the watch ended."""

    what: str
    workers: int
    stall_s: float


@dataclass(frozen=True)
class Outcome:
    """Everything that was measured."""

    drained: list[Drained]
    changes: list[Change]
    verified: int
    footprint: Footprint
    learned: float

    @property
    def is_clean(self) -> bool:
        """Whether verify found nothing, each time."""
        return self.verified == 0 and all(row.verified == 0 for row in self.drained)


def drain(broker: LocalKafka, directory: Path, workers: int, rounds: int) -> Drained:
    """Let the workers stand ready, show them a backlog at once, and take the rate from that moment on."""
    cluster.empty_topics(broker.bootstrap)
    reference, first, *batches = fixed_rounds(7, rounds, ROUND_COMMANDS)
    backlog = [put for batch in batches for put in batch]
    fed = sum(1 for topic, *_ in [*first, *backlog] if topic in FED)
    app = f"drain-{workers}"
    progress = Progress(broker.bootstrap, app, FED)
    with Fleet(broker.bootstrap, directory / app, app) as fleet, progress.watching():
        cluster.put(broker.bootstrap, [*reference, *first])
        fleet.join(workers)
        fleet.until_ready()
        progress.until_total(len(first), deadline_s=60)
        asyncio.run(cluster.put_at_once(broker.bootstrap, backlog))  # unseen until it commits
        shown = time.monotonic()
        progress.until_total(fed, deadline_s=900)
        rate = progress.rate(shown, int(fed * COUNTED))
        until_at_rest(broker.bootstrap, app, INPUTS)
        resident = mean(fleet.resident_mib())
        for _ in range(workers):
            fleet.leave()
    return Drained(workers, fed, rate, resident, verify(broker.bootstrap, app))


def learn(broker: LocalKafka, directory: Path, seconds: float) -> float:
    """Feature vectors a second that one worker learns from, of those that the last drain has left."""
    app = "learn"
    progress = Progress(broker.bootstrap, app, ("features",))
    with Fleet(broker.bootstrap, directory / app, app, LEARNING) as fleet, progress.watching():
        fleet.join()
        fleet.until_ready()
        time.sleep(seconds)
        fleet.leave()
    return progress.rate_of_all()


def come_and_go(
    broker: LocalKafka, directory: Path, watch_s: float
) -> tuple[list[Change], int, Footprint]:
    """Workers join and leave under load; what each change cost, verify's code, and what is held at the end."""
    cluster.empty_topics(broker.bootstrap)
    app = "come-and-go"
    load, progress = Load(broker.bootstrap, 11), Progress(broker.bootstrap, app, FED[:1])
    with Fleet(broker.bootstrap, directory / app, app) as fleet:
        fleet.join()
        with load.running(), progress.watching():
            fleet.until_ready()
            time.sleep(SETTLE_S)
            steps: list[tuple[str, Callable[[], object]]] = [
                ("nothing changes", lambda: None),
                ("w1 joins", fleet.join),
                ("w2 joins", fleet.join),
                ("w2 leaves (SIGTERM)", fleet.leave),
                ("w2 joins again", fleet.join),
                ("w2 is killed (kill -9)", fleet.kill),
                ("w1 leaves (SIGTERM)", fleet.leave),
            ]
            changes = [_change(fleet, progress, what, do, watch_s) for what, do in steps]
        until_at_rest(broker.bootstrap, app, INPUTS)
        fleet.leave()
    return changes, verify(broker.bootstrap, app), footprint(broker.bootstrap)


def _change(
    fleet: Fleet, progress: Progress, what: str, do: Callable[[], object], watch_s: float
) -> Change:
    began = time.monotonic()
    do()
    fleet.until_ready()
    time.sleep(max(0.0, began + watch_s - time.monotonic()))
    return Change(what, len(fleet.workers), progress.stall_s(began, time.monotonic()))


def verify(brokers: str, app: str) -> int:
    """The exit code of `headrace verify`; what it says is printed where it finds something."""
    environment = {**os.environ, "HEADRACE_APP": app, "HEADRACE_PROFILE": "simulation"}
    command = [sys.executable, "-m", "api.cli", "verify", "--brokers", brokers]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode


def run(directory: Path, rounds: int, watch_s: float, counts: tuple[int, ...] = WORKERS) -> Outcome:
    """Both parts on a broker of their own."""
    with LocalKafka(directory / "kafka") as broker:
        drained = []
        for workers in counts:
            drained.append(drain(broker, directory, workers, rounds))
            print(f"{workers} workers: {drained[-1].rate:,.0f} events/s", flush=True)
        learned = learn(broker, directory, watch_s)
        print(f"one learner: {learned:,.0f} vectors/s", flush=True)
        changes, verified, held = come_and_go(broker, directory, watch_s)
    return Outcome(drained, changes, verified, held, learned)


def table(outcome: Outcome) -> str:
    """The outcome as Markdown."""
    base = outcome.drained[0].rate
    lines = [
        f"{cluster.PARTITIONS} partitions, {len(market.SYMBOLS)} symbols, {outcome.drained[0].events:,} inputs,"
        f" {os.cpu_count()} cores shared with the broker\n",
        "| workers | of one worker's rate | events/s | resident MiB each | `headrace verify` |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row.workers} | {row.rate / base:.2f} | {row.rate:,.0f} | {row.resident_mib:.0f} |"
            f" exit {row.verified} |"
            for row in outcome.drained
        ),
        f"\nOne worker that only learns: {outcome.learned:,.0f} feature vectors/s",
        f"\nLoad {TICKS_PER_S} ticks/s and {ORDERS_PER_S} orders/s; `headrace verify` after it:"
        f" exit {outcome.verified}\n",
        "| change | workers after it | longest standstill of a partition, s |",
        "| --- | --- | --- |",
        *(f"| {c.what} | {c.workers} | {c.stall_s:.1f} |" for c in outcome.changes),
        "",
        str(outcome.footprint),
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="of 4,500 inputs each")
    parser.add_argument("--watch", type=float, default=20.0, help="seconds after each change")
    options = parser.parse_args(arguments)
    for noisy in ("aiokafka", "stamina"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # topics that are just being made
    with tempfile.TemporaryDirectory(prefix="headrace-scale-") as name:
        outcome = run(Path(name), options.rounds, options.watch)
    print(table(outcome))
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
