"""A process that trains: its connection, its lock, its heartbeat, and which models it takes up."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from api.quality import pages
from api.registry.keys import key
from api.registry.publish import publish
from api.train import bars, provenance, run, sources, standing, tracker
from api.train.run import Result
from api.train.tracker import Connection, Trigger
from models.batch import known
from models.batch.config import DAY_NS, NO_END, Config
from models.batch.due import due
from models.batch.train import Task
from models.quality.frame import validate_frame
from models.quality.training import TrainingRules
from models.quality.verdict import Verdict
from sinks.migrate import migrate
from streams.predictions import Example
from streams.settings import Settings
from streams.topics import EXAMPLES

MS_NS = 1_000_000
WINDOW_NS = 14 * DAY_NS
"""What a training that falls due looks back over."""

BARS = "bars"
"""The source of models over bars: what backfills have stored."""


async def connected(settings: Settings) -> Connection:
    """A connection to a database of this version's schema, where runs whose processes are gone are told as such."""
    sql = await psycopg.AsyncConnection.connect(settings.postgres_url, autocommit=True)
    try:
        await migrate(sql, require_timescaledb=settings.require_timescale)
        await tracker.interrupt_stale(sql)
    except BaseException:
        await sql.close()
        raise
    return sql


async def wanted(sql: Connection, source: str, now: int) -> list[tuple[Config, Trigger]]:
    """The trainings that are due, the one for the oldest version first, each as its last one was told. now: ns."""
    await tracker.ask_on_drift(sql)
    found = []
    for each in due(await standing.standings(sql)):
        last = await tracker.last_config(sql, each.model) or Config(each.model, 0, now, source)
        if last.source == BARS:
            config = msgspec.structs.replace(last, until=NO_END)
        else:
            config = msgspec.structs.replace(last, since=now - WINDOW_NS, until=now, source=source)
        found.append((config, each.trigger))
    return found


async def train(
    settings: Settings,
    sql: Connection,
    config: Config,
    trigger: Trigger,
    path: Path | None = None,
    validate: run.Validate | None = None,
) -> Result:
    """Train one model. path: a file of examples in place of `config.source`.

    Raises known.UnknownModel, tracker.Busy.
    """
    features, spec = known.features_of(config.model), known.spec_of(config.model)
    task = Task(config, features, spec, provenance.provenance())
    run_id = f"{config.model}-{time.time_ns() // MS_NS}"
    folder = pages.below(settings.data) / run_id
    async with (
        tracker.training(sql, config.model),
        tracker.beating(settings.postgres_url, [run_id]),
    ):
        await tracker.queue(sql, run_id, trigger, config, task.provenance)
        result = await run.run(
            sql,
            run_id,
            task,
            lambda: _examples(settings, sql, config, path),
            validate or _validator(folder, run_id),
            key(settings),
        )
        pages.prune(pages.below(settings.data))
        docs = pages.link(folder)
        await tracker.note_pages(sql, run_id, docs)
        return result._replace(docs=docs)


async def tell(settings: Settings, sql: Connection) -> int:
    """Bring the registry's topics to what is stored; how many records that took. A failure is made good by the next."""
    return await publish(sql, settings.brokers)


async def _examples(
    settings: Settings, sql: Connection, config: Config, path: Path | None
) -> list[Example]:
    """Raises NotTrained."""
    if config.source == BARS:
        return await bars.read(sql, config)
    rows = sources.Range(config.model, config.since, config.until)
    if path is not None:
        return await sources.collected(sources.file(path, EXAMPLES, rows))
    if config.source == "topic":
        return await sources.collected(sources.topic(settings.brokers, EXAMPLES, rows))
    return await sources.collected(sources.history(settings.postgres_url, rows))


def _validator(folder: Path, run_id: str) -> run.Validate:
    def validate(columns: Mapping[str, Any], rules: TrainingRules) -> Verdict:
        return validate_frame(columns, rules, name=run_id, docs=folder)

    return validate
