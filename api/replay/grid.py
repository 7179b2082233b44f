"""Many runs of one manifest with other parameters, side by side: ranked, and judged for overfitting."""

import asyncio
import itertools
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import yaml

from agents.cells import NO_SCORERS
from api.ending import Ended
from api.replay.manifest import Manifest
from api.replay.results import summary
from api.replay.whatif import Run
from models import measures
from models.serving import Scorers
from streams.exits import Exit

COMBINATIONS_MAX = 10_000
FILE = "grid.json"
Params = dict[str, str]
PARSERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@dataclass(frozen=True)
class Trial:
    """One combination. returns: of the whole range, of equal intervals; figures: the total of its results."""

    params: Params
    times_ms: tuple[int, ...]
    returns: tuple[float, ...]
    figures: Mapping[str, Any]

    def sharpe(self, part: slice = slice(None)) -> float:
        """Per interval, of a part of the range; what never varies is worth nothing."""
        return measures.sharpe(self.returns[part], 1.0) or 0.0


def load(path: Path) -> list[Params]:
    """The combinations of a YAML, TOML or JSON file with a list of values for each parameter. Raises Ended."""
    try:
        found = PARSERS.get(path.suffix, json.loads)(path.read_text())
        choices = {name: [str(value) for value in values] for name, values in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise Ended(Exit.USAGE, f"{path} is no grid: {error}") from error
    combinations = [*_combined(choices)]
    if not 1 <= len(combinations) <= COMBINATIONS_MAX:
        raise Ended(Exit.USAGE, f"{path} has {len(combinations)} combinations")
    return combinations


def _combined(choices: Mapping[str, Sequence[str]]) -> Iterator[Params]:
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def sweep(
    plan: Manifest,
    combinations: Sequence[Params],
    jobs: int,
    history: str = "",
    scorers: Scorers = NO_SCORERS,
) -> Iterator[Trial]:
    """Run every combination, so many at a time, each in a process of its own; in their order.

    history, scorers: as in `Run`.
    """
    plans = [msgspec.structs.replace(plan, params=plan.params | params) for params in combinations]
    # Spawned: a forked process would inherit threads and connections that are not its own.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(partial(trial, history=history, scorers=scorers), plans)


def trial(plan: Manifest, history: str = "", scorers: Scorers = NO_SCORERS) -> Trial:
    """One run."""
    run = Run(plan, None, history, scorers)
    asyncio.run(run.go())
    curve = summary.total(run.collected.points)
    returns = measures.returns([point[1] for point in curve], [point[3] for point in curve])
    figures = summary.summarise(run.collected)["total"]
    return Trial(plan.params, tuple(point[0] for point in curve[1:]), tuple(returns), figures)


def judged(trials: Sequence[Trial], folds: int) -> dict[str, Any]:
    """The trials from the best down, and how much of the best one's success may be luck."""
    ranked = sorted(trials, key=lambda each: -each.sharpe())
    best = ranked[0]
    return {
        "trials": [
            {"params": each.params, "sharpe_interval": each.sharpe(), **each.figures}
            for each in ranked
        ],
        "deflated_sharpe": measures.deflated_sharpe(best.returns, [t.sharpe() for t in trials]),
        "walk_forward": walk_forward(trials, folds),
    }


def walk_forward(trials: Sequence[Trial], folds: int) -> dict[str, Any]:
    """Choose on all that came before each fold, and count what that choice did in it.

    Choosing by Sharpe ratio. efficiency: the ratio out of sample over the chosen ones' in sample, on average.
    """
    length = min(len(each.returns) for each in trials)
    bounds = [length * number // (folds + 1) for number in range(folds + 2)]
    rows: list[dict[str, Any]] = []
    outside: list[float] = []
    for begin, end in zip(bounds[1:], bounds[2:], strict=False):
        chosen = max(trials, key=lambda each: each.sharpe(slice(0, begin)))
        part = slice(begin, end)
        outside += chosen.returns[part]
        rows.append(
            {
                "params": chosen.params,
                "sharpe_in": chosen.sharpe(slice(0, begin)),
                "sharpe_out": chosen.sharpe(part),
            }
        )
    inside = sum(row["sharpe_in"] for row in rows)
    return {
        "folds": rows,
        "sharpe_out": measures.sharpe(outside, 1.0),
        "efficiency": sum(row["sharpe_out"] for row in rows) / inside if inside else None,
    }


def shown(judgement: Mapping[str, Any], count: int) -> Iterable[str]:
    """The best ones as lines for people."""
    for place, each in enumerate(judgement["trials"][:count], 1):
        params = ", ".join(f"{name}={value}" for name, value in each["params"].items())
        yield f"{place:3} sharpe {each['sharpe_interval']:9.4f} profit {each['profit'] or 0:12.4f}  {params}"
    deflated = judgement["deflated_sharpe"]
    yield "deflated Sharpe ratio of the best: " + ("-" if deflated is None else f"{deflated:.3f}")
    forward = judgement["walk_forward"]
    out = forward["sharpe_out"]
    yield "walk forward, out of sample: " + ("-" if out is None else f"{out:.4f}")
