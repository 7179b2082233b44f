"""Which version serves, in PostgreSQL: every change, every decision, and one writer at a time for each model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg

from models import registry
from streams.predictions import Alias

Connection = psycopg.AsyncConnection[Any]

LOCK = 0x4D4F444C  # "MODL": the first key of the advisory locks of models


class Busy(Exception):
    """Another process is deciding about this model."""


class Decision(msgspec.Struct, frozen=True):
    """One verdict. epoch: of the alias that came of it; event_ns: the newest label that it knew."""

    model: str
    action: str
    champion: str
    evidence: Any
    by: str
    reason: str
    candidate: str = ""
    epoch: int | None = None
    event_ns: int = 0


@asynccontextmanager
async def deciding(
    connection: Connection, model: str, patience_s: float = 0.0
) -> AsyncIterator[None]:
    """A transaction in which this process alone decides about the model.

    Raises Busy where another still does so after `patience_s`.
    """
    async with connection.transaction():
        timeout = f"{max(1, round(patience_s * 1000))}ms"
        await connection.execute("SELECT set_config('lock_timeout', %s, true)", [timeout])
        try:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, model]
            )
        except psycopg.errors.LockNotAvailable as error:
            raise Busy(f"another process decides about {model} now") from error
        await connection.execute("SELECT set_config('lock_timeout', '0', true)")
        yield


async def current(connection: Connection) -> dict[str, Alias]:
    """The newest alias of each model."""
    rows = await connection.execute(
        "SELECT DISTINCT ON (model) record::text FROM model_alias ORDER BY model, epoch DESC"
    )
    aliases = [_decoded(record) for (record,) in await rows.fetchall()]
    return {alias.model: alias for alias in aliases}


async def history(connection: Connection, model: str) -> list[Alias]:
    """Every alias of a model, the oldest first."""
    rows = await connection.execute(
        "SELECT record::text FROM model_alias WHERE model = %s ORDER BY epoch", [model]
    )
    return [_decoded(record) for (record,) in await rows.fetchall()]


async def append(connection: Connection, alias: Alias) -> None:
    """Store a change. Its epoch must be new; within `deciding` it is the last one's and 1."""
    await connection.execute(
        "INSERT INTO model_alias (model, epoch, action, champion, challenger, effective_from_ns, record) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            alias.model,
            alias.epoch,
            alias.action,
            alias.champion,
            alias.challenger,
            alias.effective_from,
            registry.canonical(alias),
        ],
    )


async def note(connection: Connection, decision: Decision) -> None:
    """Store a verdict with its evidence."""
    await connection.execute(
        "INSERT INTO model_decisions (model, action, champion, candidate, epoch, event_ns, evidence, decided_by, "
        "reason) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            decision.model,
            decision.action,
            decision.champion,
            decision.candidate,
            decision.epoch,
            decision.event_ns,
            registry.canonical(decision.evidence),
            decision.by,
            decision.reason,
        ],
    )


async def counts(connection: Connection) -> dict[str, int]:
    """How many aliases each action has made."""
    rows = await connection.execute("SELECT action, count(*) FROM model_alias GROUP BY action")
    return {action: int(number) for action, number in await rows.fetchall()}


def _decoded(record: str) -> Alias:
    return msgspec.json.decode(record, type=Alias)
