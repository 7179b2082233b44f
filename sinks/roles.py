"""Who may do what in the stores: a role a kind of process in PostgreSQL, a user a kind in Valkey; as data.

What is not named is refused. The owner of the database, who is no process of ours, migrates and grants.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from sinks.rows import TABLES

EVERY = "*"
"""All tables and views of the schema."""

SCHEMA, FEAST = "public", "feast"
READ, ADD, KEEP, ALL = "SELECT", "SELECT INSERT", "SELECT INSERT UPDATE", "SELECT INSERT UPDATE DELETE"  # fmt: skip
OPERATIONS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")

Rights = Mapping[str, str]
"""Table -> operations."""

REGISTRY = ("model_artifacts", "model_versions", "model_alias", "model_decisions", "gate_state")

ROLES: Mapping[str, Rights] = {
    "sink": {
        **{table.name: ADD for table in TABLES},
        "sink_offsets": KEEP,
        "sink_rejects": ADD,
        "current_state": ALL,
        "audit_log": ADD,
        "ops_backups": READ,
        "schema_migrations": READ,
    },
    "features": {"features": READ, "positions": READ, "schema_migrations": READ},
    "api": {EVERY: READ},
    "operator": {EVERY: READ, "replay_queue": ADD},
    "worker": {"model_artifacts": READ, "schema_migrations": READ},
    "train": {
        EVERY: READ,
        "model_artifacts": ADD,
        "model_versions": KEEP,
        "model_alias": ADD,
        "model_decisions": ADD,
        "gate_state": KEEP,
        "train_runs": KEEP,
        "train_requests": KEEP,
        "test_looks": ADD,
        "parity_checks": ADD,
        "quality_results": "SELECT INSERT DELETE",
    },
    "replay": {
        EVERY: READ,
        "replay_queue": KEEP,
        "runs": KEEP,
        "run_tracker": "SELECT INSERT DELETE",
        "run_equity": "SELECT INSERT DELETE",
        "run_trades": "SELECT INSERT DELETE",
        "run_fills": "SELECT INSERT DELETE",
    },
    "backfill": {
        EVERY: READ,
        "bars": KEEP,
        "bar_revisions": ADD,
        "reference_prices": KEEP,
        "backfill_runs": KEEP,
        "backfill_chunks": KEEP,
        "quarantine": ALL,
        "quality_results": "SELECT INSERT DELETE",
    },
    "backup": {
        **dict.fromkeys(REGISTRY, READ),
        "schema_migrations": READ,
        "audit_log": READ,
        "ops_backups": ADD,
        "ops_drills": ADD,
    },
}
"""features owns Feast's schema beside; train and backup read it."""

FEAST_READERS = ("api", "operator", "train", "backup")

USERS: Mapping[str, str] = {
    "sink": "~* resetchannels -@all +@read +@write +@scripting +@transaction +@connection -@dangerous +info",
    "api": "%R~* resetchannels -@all +@read +@transaction +@connection -@dangerous +info",
}
"""Rules of Valkey's users: the cache is written by the sinks and read by the API; nobody may empty or configure it."""

Connection = psycopg.AsyncConnection[Any]


class RolesMissing(Exception):
    """Roles that the administrator has to make first."""


class Right(NamedTuple):
    """One line of the matrix."""

    role: str
    table: str
    operations: tuple[str, ...]


def rights() -> list[Right]:
    """The matrix, a line a role and table."""
    return [
        Right(role, table, tuple(operations.split()))
        for role, tables in ROLES.items()
        for table, operations in tables.items()
    ]


def allows(role: str, operation: str, table: str) -> bool:
    """Whether the matrix names it."""
    granted = f"{ROLES[role].get(EVERY, '')} {ROLES[role].get(table, '')}"
    return operation in granted.split()


def statements(names: Mapping[str, str]) -> list[sql.Composed]:
    """Takes everything from the roles and gives them what the matrix says. names: of a kind of process, its role's."""
    found = [_of(f"REVOKE CREATE ON SCHEMA {SCHEMA} FROM PUBLIC")]
    for kind, name in names.items():
        found += [
            _of(f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {{}}", name),
            _of(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {{}}", name),
        ]
        found += [_grant(right, name) for right in rights() if right.role == kind]
    return found + _feast(names)


def _grant(right: Right, name: str) -> sql.Composed:
    operations = ", ".join(right.operations)
    if right.table == EVERY:
        return _of(f"GRANT {operations} ON ALL TABLES IN SCHEMA {SCHEMA} TO {{}}", name)
    return _of(f"GRANT {operations} ON {{}} TO {{}}", right.table, name)


def _feast(names: Mapping[str, str]) -> list[sql.Composed]:
    """Its schema is the owner's no more: Feast makes and alters its tables as it likes, and reaches no other."""
    features = names["features"]
    found = [
        _of(f"CREATE SCHEMA IF NOT EXISTS {FEAST}"),
        _of(f"GRANT USAGE, CREATE ON SCHEMA {FEAST} TO {{}}", features),
    ]
    for kind in FEAST_READERS:
        found += [
            _of(f"GRANT USAGE ON SCHEMA {FEAST} TO {{}}", names[kind]),
            _of(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {{}} IN SCHEMA {FEAST} GRANT SELECT ON TABLES TO {{}}",
                features,
                names[kind],
            ),
        ]
    return found


def _of(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


async def apply(connection: Connection, names: Mapping[str, str] | None = None) -> None:
    """Give the roles their rights, as the database's owner, once it is migrated. Raises RolesMissing, psycopg.Error."""
    names = {kind: kind for kind in ROLES} if names is None else names
    async with connection.transaction():
        await _check(connection, names.values())
        for statement in statements(names):
            await connection.execute(statement)


async def _check(connection: Connection, wanted: Iterable[str]) -> None:
    found = await connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(wanted)]
    )
    missing = set(wanted) - {name for (name,) in await found.fetchall()}
    if missing:
        raise RolesMissing(", ".join(sorted(missing)))


def users_file(passwords: Mapping[str, str]) -> str:
    """Valkey's aclfile. passwords: by user, SHA-256 in hex, or what stands for it in a template."""
    lines = [f"user {name} on #{passwords[name]} {rules}" for name, rules in USERS.items()]
    return "\n".join(["user default off", *lines]) + "\n"


def unknown(known: Iterable[str]) -> set[str]:
    """The tables that the matrix names and a database does not have."""
    return {right.table for right in rights()} - {*known, EVERY}
