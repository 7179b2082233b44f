"""P3: recorded quotes through the engine's routes over dicts, against a nautilus_trader backtest of the same quotes.

Both hold the records in memory, and their clocks run while the engine does. The engine decodes JSON and makes the bytes
of every output, as it does live; the other has objects.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import msgspec

from api.replay.market_files import MarketFiles
from streams.feeds.reference import SIMULATED
from streams.feeds.synthetic import rounds
from streams.messages import Quote
from tests.bench import peers
from tests.bench.contenders import last_line
from tests.bench.context import ROOT, Context
from tests.bench.row import Line, Row

INSTRUMENT = next(i for i in SIMULATED if i.symbol == "LTC/USD.SIM")
SEED, QUOTES_A_SECOND = 7, 500
EVENTS_MAX = 100_000
RUN_SECONDS_MAX = 300
EVERY, TICKS = 5, 20
"""A bracket for each so many moments in which the strategy is flat, its legs so far away."""

ENGINE = (sys.executable, "-m", "tests.bench.replay_peer")
NAUTILUS = (str(peers.NAUTILUS_PYTHON), str(peers.HERE / "nautilus_peer.py"))
RATE, COST = "quotes/s", "µs of CPU"


class Told(msgspec.Struct):
    """What a peer printed."""

    events: int
    seconds: float
    cpu: float
    order_events: int


class Failed(Exception):
    """A peer gave no result."""


def told(argv: tuple[str, ...], given: Mapping[str, str]) -> Told:
    """One run of a peer. Raises Failed."""
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    if done.returncode:
        raise Failed(last_line(done.stderr))
    return msgspec.convert(json.loads(last_line(done.stdout)), Told)


def quotes(directory: Path, count: int) -> Path:
    """A file of so many quotes of one symbol."""
    directory.mkdir()
    made = islice(rounds(SEED, 1_000, instruments=(INSTRUMENT,)), count // QUOTES_A_SECOND)
    with MarketFiles(directory, {INSTRUMENT.symbol: INSTRUMENT}) as out:
        for batch in made:
            out.write([event for event in batch if isinstance(event, Quote)])
    return directory / "quotes.parquet"


class Peer:
    """One contender: its lines, filled a round at a time."""

    def __init__(self, name: str, argv: tuple[str, ...], missing: str, path: Path) -> None:
        self.name = name
        self._argv = argv
        self._given = {"QUOTES": str(path), "TICKS": str(TICKS)}
        self.alone = Line(f"{name}, quotes only", RATE, not_run=missing)
        self.bracket = Line(f"{name}, brackets", RATE, not_run=missing)
        self.cost = Line(f"{name}, an order event", COST, not_run=missing)
        self.order_events = 0

    @property
    def lines(self) -> list[Line]:
        """All of them."""
        return [self.alone, self.bracket, self.cost]

    def lap(self) -> None:
        """Without and with the strategy; what an order event costs is the difference."""
        if self.alone.not_run:
            return
        without = told(self._argv, {**self._given, "EVERY": "0"})
        having = told(self._argv, {**self._given, "EVERY": str(EVERY)})
        self.alone.values.append(without.events / without.seconds)
        self.bracket.values.append(having.events / having.seconds)
        self.cost.values.append((having.cpu - without.cpu) / having.order_events * 1e6)
        self.order_events = having.order_events


def run(context: Context) -> Row:
    """All rounds, one peer after the other."""
    path = quotes(context.directory / "replay", min(context.events, EVENTS_MAX))
    engine = Peer("engine", ENGINE, "", path)
    other = Peer("nautilus_trader", NAUTILUS, peers.nautilus(), path)
    market = Line(
        "engine, market and exchange, quotes only", RATE, goal=">= 1,000,000; >= 4 x nautilus"
    )
    market.yardstick = other.alone.name
    loads = []
    for number in range(1, context.rounds + 1):
        context.say(f"round {number} of {context.rounds}")
        loads.append(os.getloadavg()[0])
        alone = told(
            ENGINE, {"QUOTES": str(path), "TICKS": str(TICKS), "EVERY": "0", "ONLY": "symbol"}
        )
        market.values.append(alone.events / alone.seconds)
        engine.lap()
        other.lap()
    for line, theirs in zip(engine.lines, other.lines, strict=True):
        line.yardstick = theirs.name
    engine.cost.goal = "<= 25 µs"
    return Row(
        code="P3",
        name="replay",
        title="one symbol's quotes in memory, 500 a second of event time",
        lines=[market, *engine.lines, *other.lines],
        loads=loads,
        notes=[
            "the engine's other lines have all groups: features, seven online versions of two models that learn and "
            "answer ten times a second of event time, risk, ledger",
            f"with brackets: {engine.order_events} order events of the engine, {other.order_events} of nautilus_trader",
            "an order event's cost: the CPU time of the run with the strategy less that without, by its order events",
        ],
    )
