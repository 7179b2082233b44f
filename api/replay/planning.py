"""From what a person asked for to a manifest: names checked, offsets found, defaults settled."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.strategies.load import StrategyRefused, load
from api import feeding, reference
from api.ending import Ended
from api.feeding import Feed, FeedPlan, symbol_list
from api.history_log import history_log
from api.registry.served import NOTHING, recorded
from api.replay import kafka_source, overrides, switches
from api.replay.manifest import Manifest, Range
from streams import topics
from streams.exits import Exit
from streams.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
ORDERS = topics.ORDERS.name
SOURCES = (topics.CONTROL.name, topics.QUOTES.name, topics.TRADES.name)


def directory(settings: Settings, run: str) -> Path:
    """Where a run keeps its manifest, checkpoint and results. Raises Ended for a name that is none."""
    if NAME.fullmatch(run) is None:
        raise Ended(
            Exit.USAGE, f"{run!r} is no name of a run: small letters, digits, - and _, at most 40"
        )
    return settings.data / "replays" / run


def params(words: Sequence[str]) -> dict[str, str]:
    """`k=v` of each word. Raises Ended."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise Ended(Exit.USAGE, f"{word!r} is no parameter such as notional=500")
        found[name] = value
    return found


def check(strategy: str, params: dict[str, str]) -> None:
    """Raises Ended where no such strategy can be made."""
    try:
        load(strategy, params)
    except StrategyRefused as refused:
        raise Ended(Exit.USAGE, str(refused)) from refused


async def plan(
    settings: Settings,
    run: str,
    *,
    since_ms: int | None,
    until_ms: int | None,
    names: str,
    symbols: str,
    path: Path | None,
    history: bool,
    strategy: str,
    params: dict[str, str],
    account: str,
    limits: dict[str, Any],
    costs: dict[str, Any],
    models: Sequence[str] = (),
) -> Manifest:
    """The manifest of a what-if run. names: topics to read, comma separated; "" is what it needs. Raises Ended,
    LogTruncated.

    models: `MODEL=VERSION` to put in charge; else what the registry says served then, or, of files, nothing does.
    account: of files, its name in the currency that the first symbol is quoted in, see `reference.account_of`.
    """
    overrides.check(limits, costs)
    check(strategy, params)
    ranges: tuple[Range, ...] = ()
    traded = account
    known = NOTHING
    if path is None or models:
        known = await recorded(settings.postgres_url)
    was = known if path is None else known._replace(aliases=())
    served = switches.pinned(was, models)
    if path is None:
        wanted = symbol_list(names) or (SOURCES if strategy != "none" else (*SOURCES, ORDERS))
        unknown = sorted(set(wanted) - {*SOURCES, ORDERS, topics.BARS.name})
        if unknown:
            raise Ended(Exit.USAGE, f"{', '.join(unknown)}: a replay makes these itself")
        if history:
            async with history_log(settings.postgres_url) as kept:
                ranges = await kept.ranges(wanted, since_ms, until_ms)
        else:
            ranges = await kafka_source.ranges(settings.brokers, wanted, since_ms, until_ms)
    else:
        traded = await _account(path, symbol_list(symbols), account)
    return Manifest(
        run=run,
        partitions=settings.partitions,
        generation=settings.generation,
        brokers="" if path or history else settings.brokers,
        history=history and path is None,
        ranges=ranges,
        path=str(path.absolute()) if path else "",
        since_ms=since_ms,
        until_ms=until_ms,
        symbols=symbol_list(symbols),
        strategy=strategy,
        params=params,
        account=traded,
        paper=account,
        limits=limits,
        costs=costs,
        versions=served.versions if served.aliases else (),
        aliases=served.aliases,
    )


async def _account(path: Path, symbols: tuple[str, ...], account: str) -> str:
    if not path.exists():
        raise Ended(Exit.USAGE, f"{path} does not exist")
    source = await feeding.open_source(FeedPlan(Feed.FILE, path, "max", symbols=symbols))
    return reference.account_of(account, source.instruments[0].quote)
