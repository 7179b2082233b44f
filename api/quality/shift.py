"""Whether a day's features lie where those of a model's train rows lay; many that moved ask for a training."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg

from api.quality import results
from api.quality.day import ROWS_MIN, Day, models, rows_of_hours
from api.registry import versions
from api.train import tracker
from models.batch import shift
from models.batch.known import features_of
from models.batch.shift import Bins
from models.quality.verdict import Result, Verdict
from models.report.shift import PSI_RETRAIN, PSI_WARNING

REASON = "PSI above {limit:g}: {features}"


class Shifted(NamedTuple):
    """A model's features against its newest version. psi: by feature; asked: those for which a training was asked."""

    model: str
    version: str
    rows: int
    psi: dict[str, float]
    asked: list[str]


async def check(url: str, day: Day) -> list[Shifted]:
    """Of each model with examples of the day and a batch version that tells where its features lay."""
    found = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sql:
        for model in await models(sql, day):
            version, bins = await _newest(sql, model)
            if bins:
                found.append(await _of(sql, url, day, model, version, bins))
    return [each for each in found if each.rows >= ROWS_MIN]


async def _of(
    sql: psycopg.AsyncConnection[Any],
    url: str,
    day: Day,
    model: str,
    version: str,
    bins: dict[str, Bins],
) -> Shifted:
    names = features_of(model).names
    counts = {name: np.zeros(len(each.shares), np.int64) for name, each in bins.items()}
    rows = 0
    async for _hour, read in rows_of_hours(url, day, model):
        rows += len(read.frame)
        for name, column in zip(names, read.frame.x.T, strict=True):
            if name in bins:
                counts[name] += bins[name].counts(column)
    if rows < ROWS_MIN:
        return Shifted(model, version, rows, {}, [])
    psi = {name: each.psi(counts[name]) for name, each in bins.items()}
    asked = shift.moved(psi)
    async with sql.transaction():
        await results.store(sql, f"{day.name} {model} {version}", _verdict(psi))
        if asked:
            reason = REASON.format(limit=PSI_RETRAIN, features=", ".join(asked))
            await tracker.ask(sql, model, "drift", reason)
    return Shifted(model, version, rows, psi, asked)


def _verdict(psi: dict[str, float]) -> Verdict:
    return Verdict(
        tuple(
            Result(f"{name} PSI", each <= PSI_WARNING, f"{each:.4f}") for name, each in psi.items()
        )
    )


async def _newest(sql: psycopg.AsyncConnection[Any], model: str) -> tuple[str, dict[str, Bins]]:
    """The newest batch version that may serve, and its bins."""
    every = await versions.every(sql, model)
    batch = [each for each in every if each.kind == "batch" and each.state == "registered"]
    if not batch:
        return "", {}
    return batch[-1].version, shift.of_manifest(msgspec.json.decode(batch[-1].manifest or "{}"))
