"""The registry's database is lost; a copy is restored to a new place, a model answers as before, a feature is read."""

import asyncio
import importlib.util
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from msgspec.structs import replace

from api.drills.report import Report
from api.registry import versions
from api.supervisor.threads import in_thread
from models import golden, registry
from models.artefacts import FolderCache
from models.batch.scorer import (
    FORMATS,
    LOGISTIC,
    MODEL_JSON,
    PLATT,
    SCALER,
    Platt,
    Scaler,
    Scorer,
    Weights,
    encoded,
    hexes,
)  # fmt: skip
from models.features import FEATURES, SET_HASH
from sinks import migrate, registry_copy
from sinks.local import LocalPostgres, LocalValkey
from streams.local_part import Progress
from streams.predictions import ModelVersion

MODEL = "up5s.micro.all"
SYMBOL = "DRILL/USD.SIM"


async def drill(directory: Path, say: Progress, *, with_features: bool = True) -> Report:
    """From one embedded database to another. with_features: Feast too, if it is installed."""
    report = Report("registry")
    lost = LocalPostgres(directory / "lost", progress=say)
    fresh = LocalPostgres(directory / "fresh", progress=say)
    valkey = LocalValkey(directory / "valkey", progress=say)
    parts = (lost, fresh, valkey)
    await asyncio.gather(*(in_thread(part.start, part.name) for part in parts))
    try:
        features = _features(report, with_features)
        await _migrate(lost.url)
        wanted = await _register(lost.url)
        if features:
            feast = await asyncio.to_thread(import_module, "api.drills.features")
            await asyncio.to_thread(feast.define, lost.url, valkey.url)
        copied, kept = time.monotonic(), await registry_copy.copy(lost.url, directory / "copy")
        report.sizes["rows"] = sum(each.rows for each in kept.values())
        await in_thread(lost.kill, lost.name)
        report.rpo_s = time.monotonic() - copied
        with report.recovering():
            await _migrate(fresh.url)
            if features:
                await asyncio.to_thread(feast.make_tables, fresh.url, valkey.url)
            await registry_copy.restore(fresh.url, directory / "copy")
        again = await registry_copy.copy(fresh.url, directory / "again")
        report.check("every table has the hash it had", again == kept, f"{len(kept)} tables")
        await _load(fresh.url, wanted, directory / "files", report)
        if features:
            is_read = await asyncio.to_thread(feast.read_back, fresh.url, valkey.url, SYMBOL)
            report.check("one feature is read", is_read, SYMBOL)
    finally:
        await asyncio.gather(*(in_thread(part.stop, part.name) for part in parts))
    return report


def _features(report: Report, wanted: bool) -> bool:
    found = wanted and importlib.util.find_spec("feast") is not None
    if not found:
        report.notes.append("no feature was read: Feast was left out or is not installed")
    return found


async def _with(url: str, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[Any]]) -> Any:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await work(connection)


async def _migrate(url: str) -> None:
    await _with(url, migrate.migrate)


async def _register(url: str) -> ModelVersion:
    """A small model, registered as training registers one."""
    count = len(FEATURES)
    files = {
        MODEL_JSON: encoded(Weights(hexes([0.01] * count), (0.5).hex())),
        SCALER: encoded(Scaler(hexes([0.0] * count), hexes([1.0] * count))),
        PLATT: encoded(Platt((1.0).hex(), (0.0).hex())),
    }
    bare = ModelVersion(
        model=MODEL, version="", kind="batch", algorithm=LOGISTIC, format=FORMATS[LOGISTIC],
        set_hash=SET_HASH, spec="drill", clip=tuple((each.low, each.high) for each in FEATURES),
    )  # fmt: skip
    answers = golden.digest(map(Scorer(bare, files).predict, golden.vectors()))
    whole = replace(bare, golden=answers)
    stored: ModelVersion = await _with(url, lambda sql: versions.register(sql, whole, files))
    return stored


async def _load(url: str, wanted: ModelVersion, folder: Path, report: Report) -> None:
    found = await _with(url, lambda sql: versions.find(sql, wanted.model, wanted.version))
    report.check("the version is there", found == wanted, wanted.version)
    with psycopg.connect(url) as session:

        def origin(sha256: str) -> bytes:
            query = "SELECT bytes FROM model_artifacts WHERE sha256 = %s"
            row = session.execute(query, [sha256]).fetchone()
            if row is None:
                raise KeyError(sha256)
            return bytes(row[0])

        scorer = Scorer(wanted, registry.files(wanted, FolderCache(folder, origin)))
    try:
        registry.check_golden(wanted, scorer.predict)
    except registry.Refused as refused:
        report.check("it answers the golden vectors to the bit", False, str(refused))
    else:
        report.check("it answers the golden vectors to the bit", True, f"{golden.COUNT} vectors")
