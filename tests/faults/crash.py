"""The crash proofs: `python -m tests.faults.crash --runs N --part worker|broker|zombie|all --seed S`.

Each part puts two workers under load, does to them what its name says, lets them come to rest, and has the whole log
checked by `check`. It prints a table and exits with 1 on any violation.
"""

import argparse
import asyncio
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agents.routes import routes
from api.replay import proof
from api.replay.logs import KafkaLog
from api.verify import history, rules
from api.verify.history import History
from streams import lag, topics
from streams.local import LocalKafka
from tests.faults import cluster
from tests.faults.load import Load
from tests.faults.pair import FENCED, Pair
from tests.faults.recovery import Recovery
from tests.faults.workers import Worker

INPUTS = (
    "market.quotes", "market.trades", "orders", "orders.accepted", "orders.events", "fills", "features",
)  # fmt: skip
REST_DEADLINE_S = 120.0
WARM_UP_S = 2.0
GAP_S = (0.3, 2.5)
AT_WORK = 0.7
"""The share of kills that hit a worker at its work; the others may hit it on its way there."""

HEADER = "fault | runs | seed | orders | fills | violations | recovery p50 | max | exit codes"


@dataclass
class Outcome:
    """What one part did and found."""

    fault: str
    runs: int
    seed: int
    found: History
    recovery: Recovery
    ends: list[tuple[str, int]]
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        codes = sorted({code for _, code in self.ends})
        orders, fills = len(self.found.of("orders")), len(self.found.of("fills"))
        return (
            f"{self.fault} | {self.runs} | {self.seed} | {orders} | {fills} | "
            f"{len(self.violations)} | {self.recovery.row()} | {codes}"
        )


@dataclass
class Scene:
    """A running system that a part does something to."""

    broker: LocalKafka
    pair: Pair
    load: Load
    recovery: Recovery
    chance: random.Random
    violations: list[str] = field(default_factory=list)

    def pause(self) -> None:
        """A random while."""
        time.sleep(self.chance.uniform(*GAP_S))


Part = Callable[[Scene, int], None]


def kill_workers(scene: Scene, runs: int) -> None:
    """Kill -9 one of the workers, at its work or while it joins and restores; it is started again at once."""
    for _ in range(runs):
        worker = scene.chance.choice(scene.pair.workers)
        states = {"READY"} if scene.chance.random() < AT_WORK else {"READY", "RECOVERING"}
        _until_state(scene.pair, worker, states)
        scene.pause()
        worker.signal(signal.SIGKILL)
        scene.recovery.fault()


def kill_broker(scene: Scene, runs: int) -> None:
    """Kill -9 the broker and start it again; workers end with codes that a restart mends."""
    for _ in range(runs):
        scene.pause()
        scene.recovery.fault()
        scene.broker.kill()
        scene.pause()
        scene.broker.start()
        _until(lambda: scene.recovery.unfinished == 0, "the broker is back")


def freeze_workers(scene: Scene, runs: int) -> None:
    """Stop a worker until its partitions have moved, then let it go on: it must find itself fenced and end."""
    for _ in range(runs):
        scene.pair.steps()
        scene.pause()
        _freeze(scene, scene.chance.choice(scene.pair.workers))


def _until_state(pair: Pair, worker: Worker, states: set[str]) -> None:
    _until(lambda: pair.state(worker) in states, f"{worker.name} is {states}")


def _freeze(scene: Scene, worker: Worker) -> None:
    ends = len(scene.pair.ends)
    worker.signal(signal.SIGSTOP)
    scene.recovery.fault()
    _until(lambda: scene.recovery.unfinished == 0, "the other has its partitions")
    worker.signal(signal.SIGCONT)
    _until(lambda: len(scene.pair.ends) > ends, "the frozen worker has ended")
    name, code = scene.pair.ends[ends]
    if name != worker.name or code not in FENCED:
        scene.violations.append(f"zombie: {worker.name} should be fenced, {name} ended with {code}")


PARTS: dict[str, Part] = {"worker": kill_workers, "broker": kill_broker, "zombie": freeze_workers}


def run(name: str, runs: int, seed: int, broker: LocalKafka, directory: Path) -> Outcome:
    """One part from empty topics to the check of all that it left."""
    brokers = broker.bootstrap
    cluster.empty_topics(brokers)
    pair = Pair(brokers, directory, app=f"faults-{name}-{seed}")
    scene = Scene(
        broker, pair, Load(brokers, seed), Recovery(brokers, pair.app), random.Random(seed)
    )
    with pair:
        with pair.supervised():
            with scene.load.running(), scene.recovery.watching():
                pair.steps()
                time.sleep(WARM_UP_S)
                PARTS[name](scene, runs)
                _until(lambda: scene.recovery.unfinished == 0, "every fault is recovered from")
            found = _at_rest(pair, brokers)
        if name == "worker":
            found = _restart(scene, found)
    scene.violations += [f"exit: {end}" for end in pair.broken]
    scene.violations += [str(violation) for violation in rules.check(found)]
    scene.violations += _replayed(brokers)
    scene.violations += _lost(scene.load, found)
    return Outcome(name, runs, seed, found, scene.recovery, pair.ends, scene.violations)


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + REST_DEADLINE_S
    while not holds():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.05)


def _at_rest(pair: Pair, brokers: str) -> History:
    """The history once nothing is left to do, for two looks."""
    asyncio.run(_wait_for_rest(pair, brokers))
    return asyncio.run(history.read(brokers))


async def _wait_for_rest(pair: Pair, brokers: str) -> None:
    end, quiet = time.monotonic() + REST_DEADLINE_S, 0
    names = [topic.name for topic in topics.CATALOGUE]
    async with lag.watch(brokers, pair.app, INPUTS, names) as watched:
        while quiet < 3:
            assert not pair.broken, f"a worker has ended for good: {pair.broken}"
            assert time.monotonic() < end, f"never at rest: {await watched.records()}"
            quiet = quiet + 1 if await watched.at_rest() else 0
            await asyncio.sleep(0.7)  # longer than a reader of broadcasts waits


def _restart(scene: Scene, found: History) -> History:
    """Stop both workers, and kill both: each time they hold what the changelogs hold, and go on from there."""
    pair = scene.pair
    expected = sum(
        row["step"] for state in history.STATES for row in found.rows(state, "progress").values()
    )
    if (codes := pair.stop()) != [0, 0]:
        scene.violations.append(f"exit: a clean stop ends with {codes}")
    for how in ("a clean stop", "kill -9"):
        pair.start()
        if (steps := pair.steps()) != expected:
            scene.violations.append(f"restore: {steps} steps after {how}, {expected} in the log")
        pair.kill()
    pair.start()
    with pair.supervised():
        with scene.load.running():
            time.sleep(WARM_UP_S)
        return _at_rest(pair, scene.broker.bootstrap)


def _lost(load: Load, found: History) -> list[str]:
    """What the broker has confirmed must be in the log."""
    there = {
        (decision.account, decision.client_order_id)
        for _, decision in found.messages("risk.decisions")
    }
    return [f"I2: {name} was acknowledged and is gone" for name in load.acked - there]


def _replayed(brokers: str) -> list[str]:
    """A replay of the recorded interleaving must write every byte again, whoever was killed meanwhile."""
    groups = routes(cluster.PARTITIONS)
    found = asyncio.run(proof.prove(KafkaLog(brokers), groups, cluster.PARTITIONS))
    return [f"I11: {difference}" for difference in found.differences]


def main(arguments: list[str] | None = None) -> int:
    """Run the parts and print their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=12, help="faults of each part")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    for noisy in ("aiokafka", "stamina"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # brokers that go away are what we want
    names = list(PARTS) if options.part == "all" else [options.part]
    rows = []
    with tempfile.TemporaryDirectory(prefix="headrace-crash-") as name:
        directory = Path(name)
        with LocalKafka(directory / "kafka") as broker:
            for part in names:
                print(f"{part}: {options.runs} faults, seed {options.seed}", flush=True)
                outcome = run(part, options.runs, options.seed, broker, directory)
                for violation in outcome.violations[: rules.SHOWN]:
                    print(f"  {violation}")
                rows.append(outcome)
    print(HEADER)
    for outcome in rows:
        print(outcome)
    return 1 if any(outcome.violations for outcome in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
