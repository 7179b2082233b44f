"""From history to a verdict on a model, twice: the second time no row and no byte is another.

Bars are fetched and judged, versions trained on them, answers given beside the base rate on bars that came later, and
the gate decides by what both said.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from api import producing
from api.backfill.carry import Means, Outcome, carry_out
from api.backfill.client import World
from api.backfill.order import BARS_SERVED, order
from api.demo.past import DAY, HOUR, SECOND, Past
from api.demo.shadow import answered
from api.demo.venue import Venue, listening
from api.promotion.job import Gate, Passed
from api.quality import pages
from api.registry import aliases, versions
from api.registry.publish import publish
from api.train import bars, session
from api.train.run import Result
from api.train.tracker import Connection
from models.batch.config import Config, Trees
from models.batch.known import features_of, spec_of
from models.batch.scorer import Scorer
from models.batch.train import Trained
from models.gate.settings import GateSettings
from models.online.versions import PRIOR
from sinks.local import LocalPostgres
from streams import admin, log, topics
from streams.local import LocalKafka
from streams.predictions import Alias, Example, ModelVersion
from streams.settings import Settings

MODEL = "up4h.bars.all"
SYMBOL = "BTC/USD.KRAKEN"
SINCE = 1_704_067_200 * SECOND
SPAN = (BARS_SERVED - 1) * HOUR
"""What the venue tells at once."""

PAST = Past(11, SINCE, SINCE + 2 * SPAN + DAY, swing=9_000)
"""A price that swings by 2 % each day around a walk."""

TRAINED, LATER = SINCE + SPAN, SINCE + 2 * SPAN
CONFIG = Config(
    MODEL,
    SINCE,
    TRAINED,
    source="bars",
    origin="kraken",
    interval="1h",
    cost_bps=52.0,
    rows_min=(300, 50, 50),
    trees=Trees(leaf_rows_min=20),
    max_age_ns=60 * DAY,
)
"""A month of hours is a tenth of what is otherwise demanded of a training."""

GATE = GateSettings(
    labels_min=100,
    class_labels_min=30,
    calibration_labels_min=100,
    calibration_error_max=0.2,
    parity_required=False,
    auto_promote=True,
)
"""A month has 180 labels of four hours that do not overlap; no feature store has bars, so no parity can be asked."""

FIRST = 24
"""Examples of the first pass of the gate."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """Two fetches of the same range, two trainings on it, and the gate's verdict after the bars that came later."""

    fetched: tuple[Outcome, ...]
    trained: tuple[Result, ...]
    passed: Passed

    @property
    def files(self) -> list[dict[str, str]]:
        """Of each training the SHA-256 of every file of every version."""
        return [
            {
                f"{each.version.algorithm}/{file.name}": file.sha256
                for each in result.trained
                for file in each.version.files
            }
            for result in self.trained
        ]

    @property
    def holds(self) -> bool:
        """Whether there are versions, and the second time nothing was another."""
        first, *_, again = self.files
        return bool(first) and first == again and self.fetched[-1].changed == 0

    def lines(self) -> list[str]:
        """All of it in words."""
        told = []
        for fetched, trained in zip(self.fetched, self.trained, strict=True):
            told.append(f"{fetched.run.run_id}: {fetched.rows} bars, {fetched.changed} changed")
            told.append(f"{trained.run_id}: {trained.outcome.state} {trained.outcome.error}")
            told += [_version_line(each) for each in trained.trained]
        verdict, alias = self.passed.verdict, self.passed.alias
        told.append(
            f"verdict on {self.passed.new_labels} labels: {verdict.action}, {verdict.reason}"
        )
        told.append(f"{alias.champion} serves, challenged by {alias.challenger or 'none'}")
        return told


def _version_line(each: Trained) -> str:
    files = ", ".join(f"{file.name} {file.sha256[:12]}" for file in each.version.files)
    state = "; ".join(each.refusals) or each.version.state
    auc = each.metrics["auc"]
    return f"  {each.version.version} {each.version.algorithm}: AUC {auc:.3f}, {state}; {files}"


async def show(folder: Path, say: Say) -> Shown:
    """Run it; everything is in the folder, and gone with it."""
    say("starting Kafka and PostgreSQL")
    with ExitStack() as parts:
        kafka, database = await asyncio.to_thread(_started, parts, folder)
        settings = Settings(brokers=kafka.bootstrap, postgres_url=database.url, data=folder)
        await admin.apply(settings.brokers, 1, embedded=True)
        async with listening(Venue(PAST)) as venue:
            shown = await _shown(settings, venue, say)
        await asyncio.to_thread(parts.close)
    return shown


def _started(parts: ExitStack, folder: Path) -> tuple[LocalKafka, LocalPostgres]:
    kafka = parts.enter_context(LocalKafka(folder / "kafka"))
    return kafka, parts.enter_context(LocalPostgres(folder / "postgres"))


async def _shown(settings: Settings, venue: Venue, say: Say) -> Shown:
    fetched, trained = [], []
    for time in ("", " again"):
        say(f"fetching a month of hours{time}")
        fetched.append(await _fetch(settings, venue, SINCE, TRAINED))
        say(f"training {MODEL} on it{time}")
        trained.append(await _train(settings))
    say("fetching the month after it")
    await _fetch(settings, venue, TRAINED, LATER)
    say("answering beside the base rate on the month after it, and asking the gate")
    return Shown(tuple(fetched), tuple(trained), await _decide(settings, trained[0]))


async def _fetch(settings: Settings, venue: Venue, since: int, until: int) -> Outcome:
    venue.now = until + HOUR // 2
    wanted = order("kraken", SYMBOL, "1h", since, until, venue.now)
    now_s = venue.now / SECOND
    means = Means(
        settings.postgres_url,
        pages.below(settings.data),
        venue.url,
        rate=1000,
        world=World(now=lambda: now_s),
    )
    return await carry_out(wanted, means)


async def _train(settings: Settings) -> Result:
    async with await session.connected(settings) as sql:
        return await session.train(settings, sql, CONFIG, "manual")


async def _decide(settings: Settings, trained: Result) -> Passed:
    """Give the later bars to who may compete, and the answers to the gate."""
    competing = [each for each in trained.trained if each.version.state == "registered"]
    scorers = {each.version.version: Scorer(each.version, each.files) for each in competing}
    async with await session.connected(settings) as sql, log.reader(settings.brokers) as consumer:
        await _begin(sql, tuple(scorers))
        later = list(answered(await _later(sql), scorers))
        gate = Gate(GATE)
        for part in (
            later[:FIRST],
            later[FIRST:],
        ):  # candidates bet on the symbols that a pass before has seen
            await _write(settings, part)
            passed = await gate.decide(sql, consumer, MODEL)
        await publish(sql, settings.brokers)
    return passed


async def _begin(sql: Connection, shadows: tuple[str, ...]) -> None:
    """The base rate serves, the trained versions stand in its shadow."""
    prior = ModelVersion(
        model=MODEL,
        version=PRIOR,
        kind="online",
        algorithm=PRIOR,
        format=f"{PRIOR}-1",
        set_hash=features_of(MODEL).hash,
        spec=spec_of(MODEL).hash,
    )
    await versions.insert(sql, prior)
    first = Alias(MODEL, 1, PRIOR, 0, "start", shadows=shadows, by="headrace", reason="built in")
    await aliases.append(sql, first)


async def _later(sql: Connection) -> list[Example]:
    """The examples of the bars after those that were trained on."""
    both = msgspec.structs.replace(CONFIG, until=LATER)
    return [each for each in await bars.read(sql, both) if each.time >= TRAINED]


async def _write(settings: Settings, examples: Sequence[Example]) -> None:
    async with producing.producer(settings.brokers) as to:
        for example in examples:
            value, key = msgspec.json.encode(example), example.symbol.encode()
            await to.send(topics.EXAMPLES.name, value, key, timestamp_ms=example.known_at // 10**6)
        await to.flush()
