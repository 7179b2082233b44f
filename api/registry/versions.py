"""Versions and their files in PostgreSQL: inserted once, never changed but for their state."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import psycopg

from models import registry
from streams.predictions import ModelVersion

Connection = psycopg.AsyncConnection[Any]


async def register(
    connection: Connection, version: ModelVersion, contents: Mapping[str, bytes], key: bytes = b""
) -> ModelVersion:
    """Store a version and its files within the caller's transaction; the record under its own name.

    What is there already stays as it is: the name is the hash of the content. Raises registry.Refused for a file
    that may hold code.
    """
    files = tuple(registry.file(name, content) for name, content in sorted(contents.items()))
    whole = msgspec.structs.replace(version, files=files)
    stamped = registry.stamped(whole, key)
    for each in files:
        await connection.execute(
            "INSERT INTO model_artifacts (sha256, bytes) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [each.sha256, contents[each.name]],
        )
    await insert(connection, stamped)
    return stamped


async def insert(connection: Connection, version: ModelVersion) -> None:
    """Store a record that has its name already, as the built-in versions have."""
    await connection.execute(
        "INSERT INTO model_versions (model, version, kind, algorithm, format, lane, set_hash, spec, parent, "
        "cutoff_ns, record, state) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            version.model,
            version.version,
            version.kind,
            version.algorithm,
            version.format,
            version.lane,
            version.set_hash,
            version.spec,
            version.parent,
            version.cutoff,
            registry.canonical(version),
            version.state,
        ],
    )


async def every(connection: Connection, model: str = "") -> list[ModelVersion]:
    """All versions, or those of one model, the oldest first."""
    rows = await connection.execute(
        "SELECT record::text, state FROM model_versions WHERE %s IN ('', model) "
        "ORDER BY model, created_at, version",
        [model],
    )
    return [_decoded(record, state) for record, state in await rows.fetchall()]


async def find(connection: Connection, model: str, version: str) -> ModelVersion | None:
    """One version, or None."""
    rows = await connection.execute(
        "SELECT record::text, state FROM model_versions WHERE model = %s AND version = %s",
        [model, version],
    )
    found = await rows.fetchone()
    return None if found is None else _decoded(*found)


async def set_state(
    connection: Connection,
    model: str,
    version: str,
    state: Literal["registered", "rejected", "retired"],
) -> None:
    """The one thing about a version that may change."""
    await connection.execute(
        "UPDATE model_versions SET state = %s WHERE model = %s AND version = %s",
        [state, model, version],
    )


def _decoded(record: str, state: str) -> ModelVersion:
    version = msgspec.json.decode(record, type=ModelVersion)
    return msgspec.structs.replace(version, state=state)
