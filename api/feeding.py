"""From what a person asked for to a source of market data; `up` and `headrace feed` choose alike."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from api.ending import Ended
from api.scenarios import SCRIPTS, Scenario
from streams.exits import Exit
from streams.feeds import auto, kraken, reference
from streams.feeds.file import FileSource
from streams.feeds.file_tables import FeedFileError
from streams.feeds.kraken import KrakenSource
from streams.feeds.kraken_reference import UnknownPrecision, instruments_for
from streams.feeds.pacing import parse_speed
from streams.feeds.source import Source
from streams.feeds.synthetic import SyntheticSource
from streams.instruments import Instrument

DEFAULT_SEED = 1


class Feed(StrEnum):
    """Where market data comes from; auto is Kraken where it answers, else synthetic."""

    AUTO = "auto"
    KRAKEN = "kraken"
    FILE = "file"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class FeedPlan:
    """What was asked for. speed: `max` or a factor; symbols: all of the source when empty.

    warmup_s: of a synthetic market's past, which comes at once. scenario: what happens in it.
    """

    feed: Feed
    path: Path | None = None
    speed: str = "1"
    seed: int = DEFAULT_SEED
    symbols: tuple[str, ...] = ()
    keep_times: bool = False
    warmup_s: float = 0.0
    scenario: Scenario | None = None

    def arguments(self) -> list[str]:
        """The command line of `headrace feed` for this plan."""
        words = [self.feed.value, "--speed", self.speed, "--seed", str(self.seed)]
        if self.path is not None:
            words += ["--path", str(self.path.absolute())]
        if self.symbols:
            words += ["--symbols", ",".join(self.symbols)]
        if self.warmup_s:
            words += ["--warmup", str(self.warmup_s)]
        if self.scenario is not None:
            words += ["--scenario", self.scenario.value]
        return words + (["--keep-times"] if self.keep_times else [])


def symbol_list(text: str) -> tuple[str, ...]:
    """The symbols in a comma separated list."""
    return tuple(symbol.strip() for symbol in text.split(",") if symbol.strip())


async def open_source(plan: FeedPlan) -> Source:
    """The source of this plan; `Ended` with a sentence where there is none such."""
    source = await _open(plan)
    if not source.instruments:
        raise Ended(Exit.REFUSED, f"feed {plan.feed.value}: no symbol with known tick and lot")
    return source


async def _open(plan: FeedPlan) -> Source:
    try:
        speed = parse_speed(plan.speed)
        match plan.feed:
            case Feed.AUTO:
                return await _auto(plan)
            case Feed.KRAKEN:
                return KrakenSource(await _kraken(plan.symbols) or kraken.DEFAULT)
            case Feed.SYNTHETIC:
                return SyntheticSource(
                    plan.seed,
                    instruments=simulated(plan.symbols),
                    speed=speed,
                    warmup_s=plan.warmup_s,
                    drift=SCRIPTS[plan.scenario].drift if plan.scenario else None,
                )
            case Feed.FILE:
                return await asyncio.to_thread(_file, plan, speed)
    except (FeedFileError, UnknownPrecision, ValueError) as error:
        raise Ended(Exit.REFUSED, f"feed {plan.feed.value}: {error}") from error


def simulated(symbols: Iterable[str]) -> tuple[Instrument, ...]:
    """The synthetic market's instruments of these names; all for none."""
    return _named(symbols, reference.SIMULATED) or reference.SIMULATED


async def _auto(plan: FeedPlan) -> Source:
    # The two markets share pairs, not symbols: a pair such as BTC/USD fits whichever is chosen.
    pairs = [symbol.partition(".")[0] for symbol in plan.symbols]
    return await auto.choose(
        plan.seed,
        instruments=await _kraken(pairs) or kraken.DEFAULT,
        simulated=simulated(pairs),
    )


async def _kraken(symbols: Iterable[str]) -> tuple[Instrument, ...]:
    return await instruments_for([symbol.removesuffix(".KRAKEN") for symbol in symbols])


def _file(plan: FeedPlan, speed: float) -> Source:
    if plan.path is None:
        raise FeedFileError("it needs --path, a file or a directory of parquet or CSV files")
    known = _named(plan.symbols, tuple(reference.SHIPPED.values()))
    instruments = {i.symbol: i for i in known} if known else reference.SHIPPED
    return FileSource(plan.path, speed=speed, keep_times=plan.keep_times, instruments=instruments)


def _named(symbols: Iterable[str], among: tuple[Instrument, ...]) -> tuple[Instrument, ...]:
    """Those of these names, written whole or without the venue; ValueError for an unknown one."""
    by_name = {name: i for i in among for name in (i.symbol, f"{i.base}/{i.quote}")}
    by_name |= {i.symbol: i for i in among}
    unknown = [symbol for symbol in symbols if symbol not in by_name]
    if unknown:
        raise ValueError(f"no symbol {', '.join(unknown)}; there are {', '.join(sorted(by_name))}")
    return tuple(by_name[symbol] for symbol in symbols)
