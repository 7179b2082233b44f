"""`headrace backfill`: history from Kraken or CoinGecko, checked before it is stored."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import psycopg
import typer
from rich.console import Console

from api import instants, locate
from api.ending import Ended, errors, plainly
from sinks.migrate import SchemaRefused
from streams import crash, secret
from streams.exits import Exit
from streams.settings import Settings

if TYPE_CHECKING:
    from api.backfill.carry import Means, Outcome
    from api.backfill.order import Order

output = Console(highlight=False, soft_wrap=True)
NS_PER_MS = 10**6
REFUSED, PARTIAL = 1, 3
CODES = {"succeeded": Exit.CLEAN, "failed": REFUSED}


class From(StrEnum):
    """Sources of history."""

    KRAKEN = "kraken"
    COINGECKO = "coingecko"


def backfill(
    source: From,
    symbol: Annotated[str, typer.Argument(help="Such as BTC/USD.KRAKEN.")],
    interval: Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")] = "1h",
    since: Annotated[str | None, typer.Option("--from", help="The first bar's time.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Itself not included; else now.")
    ] = None,
    resume: Annotated[str, typer.Option(help="Go on with this run.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be fetched.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
    release: Annotated[
        str, typer.Option(help="RUN/CHUNK in quarantine: judge its rows again, store them if fit.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Of the release.")] = "",
    coin: Annotated[str, typer.Option(help="CoinGecko's name of the base currency.")] = "",
    base_url: Annotated[str, typer.Option(help="Of the source, where not its own.")] = "",
    rate: Annotated[float, typer.Option(min=0, help="Requests a second; 0: as allowed.")] = 0,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write the bars to replay.<run>.market.bars, too.")
    ] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Fetch bars that open in [--from, --to) and store them, if they prove fit; twice is the same as once.

    The same command, or --resume, goes on with a run that was cut short. Ctrl-C ends one after the chunk at hand.
    Exits 0 when all is stored, 1 when the source or a rule refuses, 3 when something is left to do or in quarantine.
    """
    from api.backfill.publishing import instrument_of  # what it needs takes a while to import

    with plainly(), _refusals():
        settings = locate.settings(brokers, data)
        named = resume or release.rpartition("/")[0]
        span = None if named else (since, until)
        order = _order(source.value, symbol, interval, span, coin)
        if dry_run:
            _plan(order, as_json=as_json)
            raise typer.Exit
        means = _means(settings, base_url, rate, coin)
        if publish:
            instrument_of(order)
        outcome = asyncio.run(_carried_out(order, means, resume, release, reason))
        if publish and outcome.ending.state == "succeeded":
            count = asyncio.run(_published(settings, outcome))
            errors.print(f"{count} bars on replay.{outcome.run.run_id}.market.bars", markup=False)
    _tell(outcome, as_json=as_json)
    raise typer.Exit(CODES.get(outcome.ending.state, PARTIAL))


@contextmanager
def _refusals() -> Iterator[None]:
    """What refuses a backfill, as sentences."""
    from api.backfill.order import Refused
    from api.backfill.record import RunRefused

    try:
        yield
    except Refused as error:
        raise Ended(Exit.USAGE, str(error)) from error
    except RunRefused as error:
        raise Ended(REFUSED, str(error)) from error
    except (secret.SecretRefused, SchemaRefused) as error:
        raise Ended(Exit.SETTINGS, str(error)) from error
    except psycopg.OperationalError as error:
        raise Ended(Exit.NO_BROKER, f"the history does not answer: {error}") from error


def _order(
    source: Literal["kraken", "coingecko"],
    symbol: str,
    interval: str,
    span: tuple[str | None, str | None] | None,
    coin: str,
) -> "Order":
    """What is asked for. span: None where a named run knows its own."""
    from api.backfill.coingecko import COINS
    from api.backfill.order import Refused, order

    now_ms = time.time_ns() // NS_PER_MS
    if span is not None and span[0] is None:
        raise Refused("say with --from since when")
    since, until = (None, None) if span is None else map(instants.milliseconds, span)
    first_ms = 0 if since is None else since
    last_ms = now_ms if until is None else until
    times = (first_ms * NS_PER_MS, last_ms * NS_PER_MS, now_ms * NS_PER_MS)
    wanted = order(source, symbol, interval, *times)
    if source == "coingecko" and not coin and wanted.base not in COINS:
        raise Refused(f"say with --coin what CoinGecko calls {wanted.base}")
    return wanted


def _means(settings: Settings, base_url: str, rate: float, coin: str) -> "Means":
    from api.backfill.carry import Means
    from api.backfill.run import POINTS
    from api.quality import pages

    if not settings.postgres_url:
        raise Ended(
            Exit.SETTINGS, "no history to store in: run `headrace up`, or set HEADRACE_POSTGRES_URL"
        )
    key_file = settings.coingecko_key_file
    return Means(
        url=settings.postgres_url,
        docs=pages.below(settings.data),
        base_url=base_url,
        rate=rate,
        key=secret.read(Path(key_file)) if key_file else "",
        coin=coin,
        passage=crash.at(settings.crash, POINTS),
    )


async def _carried_out(
    order: "Order", means: "Means", resume: str, release: str, reason: str
) -> "Outcome":
    from api.backfill import carry, releasing

    if not release:
        return await carry.carry_out(order, means, resume)
    run_id, _, number = release.rpartition("/")
    if not number.isdecimal():
        raise Ended(Exit.USAGE, f"{release} is no RUN/CHUNK")
    return await releasing.release(order, means, run_id, int(number), reason)


async def _published(settings: Settings, outcome: "Outcome") -> int:
    from api.backfill.publishing import publish

    run = outcome.run
    return await publish(
        settings.postgres_url, settings.brokers, settings.partitions, run.order, run.run_id
    )


def _plan(order: "Order", *, as_json: bool) -> None:
    from api.backfill.order import chunks

    steps = chunks(order, time.time_ns())
    rows = [
        {
            "chunk": step.number,
            "from": instants.text(step.since // NS_PER_MS),
            "to": instants.text(step.until // NS_PER_MS),
            "bars": (step.until - step.since) // order.span,
        }
        for step in steps
    ]
    if as_json:
        print(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        output.print("chunk {chunk}: {from} to {to}, {bars} bars".format(**row), markup=False)


def _tell(outcome: "Outcome", *, as_json: bool) -> None:
    run, ending = outcome.run, outcome.ending
    states = Counter(step.state for step in run.steps)
    told = {
        "run": run.run_id,
        "state": ending.state,
        "chunks": dict(states),
        "rows": outcome.rows,
        "rows_changed": outcome.changed,
        "retries": ending.retries,
        "pages": ending.docs,
        "error": ending.error,
        "resume_at": instants.text(ending.resume_at // NS_PER_MS) if ending.resume_at else None,
    }
    if as_json:
        print(msgspec.json.encode(told).decode())
        return
    chunks = ", ".join(f"{count} {state}" for state, count in states.items())
    output.print(f"{run.run_id}: {ending.state}", markup=False)
    output.print(f"  chunks   {chunks}")
    output.print(f"  rows     {outcome.rows} read, {outcome.changed} changed")
    output.print(f"  retries  {ending.retries}")
    if ending.docs:
        output.print(f"  checks   {ending.docs}", markup=False)
    if ending.error:
        output.print(f"  {ending.error}", style="yellow", markup=False)
    if told["resume_at"]:
        output.print(f"  the same command goes on from {told['resume_at']}", markup=False)
