"""`headrace sink features` and `headrace verify features`: the feature store filled, and proved equal to the log."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api import instants, locate, logs
from api.ending import Ended, plainly
from streams.exits import Exit

if TYPE_CHECKING:
    from api.feature_store.parity import Parity
    from api.feature_store.ways import Sample

SHOWN = 5
UNVERIFIABLE = 2
Replay = Annotated[
    str, typer.Option("--replay", help="The store of this replay, in place of the live one.")
]
RedisDatabase = Annotated[
    int | None, typer.Option(help="The Redis database of the replay; never the live one.")
]


def push(
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring registry and SQL views up to date, and end.")
    ] = False,
    apply_first: Annotated[
        bool, typer.Option("--apply-first", help="Bring them up to date, then push.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Apply, write the newest row of each key, and end.")
    ] = False,
    replay: Replay = "",
    redis_database: RedisDatabase = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Push the newest vectors to the feature store until told to stop."""
    logs.to_stderr()
    with plainly(), _sentences():
        from api.feature_store import places, sink  # Feast takes seconds to import
        from models.feature_store import apply as definitions

        settings = locate.settings(brokers, data)
        place = places.find(settings, replay, redis_database)
        code = Exit.CLEAN
        if rebuild:
            for view, rows in definitions.rebuild(place).items():
                print(f"{view}: {rows} rows")
        elif apply:
            definitions.apply(place)
        else:
            if apply_first:
                definitions.apply(place)
            code = asyncio.run(sink.run(settings, place))
    raise typer.Exit(code)


def verify(
    since: Annotated[str | None, typer.Option("--from", help="From this record time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to this record time.")] = None,
    last: Annotated[str, typer.Option(help="In place of --from: what came within 1h, 30m.")] = "",
    sample: Annotated[
        str, typer.Option(help="How many rows to compare at most, 0: all; or a share: 1%.")
    ] = "1000",
    report: Annotated[Path | None, typer.Option(help="Write what was found, as JSON.")] = None,
    replay: Replay = "",
    redis_database: RedisDatabase = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Compare vectors four ways, bit for bit: logged, recomputed from the raw topics, Feast offline, Feast online.

    Exits 0 when all are equal, 1 with the first feature that differs, 2 when the log lacks what a recount needs.
    """
    with plainly(), _sentences():
        from agents import configured
        from api.feature_store import parity, places
        from api.registry.parity import note
        from api.replay.logs import KafkaLog
        from models.feature_store.sets import SETS
        from models.feature_store.store import check, open_store

        settings = locate.settings(brokers, data)
        if not settings.profile:  # as `up` runs its worker
            settings = settings.model_copy(update={"profile": "simulation"})
        store = open_store(places.find(settings, replay, redis_database))
        check(store)
        groups = configured.groups(settings)
        wanted = parity.Wanted(
            since_of(since, last), instants.milliseconds(until), sample_of(sample)
        )
        log, partitions = KafkaLog(settings.brokers), settings.partitions
        found = [
            asyncio.run(parity.prove(log, groups, partitions, store, stored, wanted))
            for stored in SETS
        ]
    if report is not None:
        report.write_text(json.dumps([each.report() for each in found], indent=2) + "\n")
    for each in found:
        _show(each)
        if settings.postgres_url and not replay:
            rows = max(each.compared.values(), default=0)
            asyncio.run(note(settings.postgres_url, each.set_hash, rows, len(each.differences)))
    raise typer.Exit(1 if any(each.differences for each in found) else 0)


def since_of(since: str | None, last: str) -> int | None:
    from api.commands.up import seconds_of

    if since and last:
        raise Ended(Exit.USAGE, "say --from or --last, not both")
    if last:
        return int((time.time() - seconds_of(last)) * 1_000)
    return instants.milliseconds(since)


def sample_of(text: str) -> "Sample":
    """`1000` rows at most, or `1%` of them."""
    from api.feature_store.ways import Sample

    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if 0 < share <= 1:
                return Sample(share=share)
        elif text.isdecimal():
            return Sample(int(text))
    except ValueError:
        pass
    raise Ended(Exit.USAGE, f"--sample is a number of rows or a share such as 1%, not {text!r}")


def _show(found: "Parity") -> None:
    rows = ", ".join(f"{way} {count}" for way, count in found.rows.items())
    print(f"{found.view} ({found.set_hash}): rows {rows}")
    for way, count in found.compared.items():
        wrong = sum(1 for each in found.differences if each.way == way)
        print(f"  {way}: {count} compared, {wrong} mismatches")
    for difference in found.differences[:SHOWN]:
        print(f"  {difference}")


@contextmanager
def _sentences() -> Iterator[None]:
    """What a person can mend, as sentences."""
    try:
        import feast  # noqa: F401  names the extra before anything half works
    except ModuleNotFoundError as error:
        raise Ended(
            Exit.SETTINGS, "Feast is not installed: pip install 'headrace[features]'"
        ) from error
    from api.replay.stretch import Unverifiable
    from models.feature_store.place import PlaceRefused
    from models.feature_store.push import AWAY
    from models.feature_store.store import NotApplied
    from streams.cursor import LogTruncated

    try:
        yield
    except NotApplied as error:
        raise Ended(Exit.CHECK_FAILED, f"{error}; run `headrace sink features --apply`") from error
    except PlaceRefused as error:
        raise Ended(Exit.SETTINGS, str(error)) from error
    except (Unverifiable, LogTruncated) as error:
        raise Ended(UNVERIFIABLE, f"not verifiable: {error}") from error
    except AWAY as error:
        raise Ended(Exit.NO_BROKER, f"a store does not answer: {error}") from error
