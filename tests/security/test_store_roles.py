"""Each role is let what the matrix names and refused everything else, asked of a database and of a cache."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors, sql
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from typer.testing import CliRunner

from api import checks
from api.cli import app
from api.current import CurrentReader
from sinks import backups, registry_copy, roles
from sinks.batch import Place
from sinks.history import History, Snapshot
from sinks.latest import Keys, Latest
from sinks.migrate import SchemaRefused, migrate
from sinks.registry_copy import MANIFEST
from sinks.roles import OPERATIONS, ROLES
from streams.exits import Exit
from streams.meter import NoMeter
from streams.settings import Settings
from streams.topics import POSITIONS
from tests.sinks.messages import batch_of, position
from tests.support.databases import empty_database

PASSWORD = secrets.token_hex(8)
PREFIX = f"r{secrets.token_hex(3)}_"
NAMES = {kind: PREFIX + kind for kind in ROLES}
PLACE = (POSITIONS.name, 0)


@pytest.fixture(scope="module")
def granted(postgres: str) -> Iterator[str]:
    """The URL of a migrated database, as its owner, whose roles have what the matrix says."""
    with psycopg.connect(postgres, autocommit=True) as owner, empty_database(postgres) as url:
        for name in NAMES.values():
            owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'".encode())
        asyncio.run(_grant(url))
        yield url
        with psycopg.connect(url, autocommit=True) as within:
            for name in NAMES.values():
                within.execute(f"DROP OWNED BY {name}".encode())
                within.execute(f"DROP ROLE {name}".encode())


async def _grant(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as owner:
        await migrate(owner)
        await roles.apply(owner, NAMES)
        await roles.apply(owner, NAMES)  # at each start


def as_role(url: str, kind: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{NAMES[kind]}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()


def columns(url: str) -> dict[str, str]:
    """Each table of the schema with a column that can be set."""
    with psycopg.connect(url) as session:
        found = session.execute(
            "SELECT c.table_name, min(c.column_name) FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_identity = 'NO' GROUP BY 1"
        ).fetchall()
    return dict(found)


def question(operation: str, table: str, column: str) -> sql.Composed:
    """Does nothing where it may, and is refused before anything is done where it may not."""
    text = {
        "SELECT": "SELECT FROM {0} LIMIT 0",
        "INSERT": "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT (v.r).* FROM (VALUES (NULL::{0})) AS v (r) LIMIT 0",
        "UPDATE": "UPDATE {0} SET {1} = {1} WHERE false",
        "DELETE": "DELETE FROM {0} WHERE false",
        "TRUNCATE": "TRUNCATE {0}",
    }[operation]
    return sql.SQL(text).format(sql.Identifier(table), sql.Identifier(column))


def may(session: psycopg.Connection[Any], asked: sql.Composed) -> bool:
    try:
        session.execute(asked)
    except errors.InsufficientPrivilege as refused:
        assert "permission denied for" in str(refused)
        return False
    except errors.RaiseException:  # the audit log's own trigger, after the question whether one may
        return True
    return True


@pytest.mark.parametrize("kind", ROLES)
def test_a_role_may_what_the_matrix_names_and_nothing_else(granted: str, kind: str) -> None:
    known = columns(granted)
    asked = [(operation, table) for table in known for operation in OPERATIONS]
    with psycopg.connect(as_role(granted, kind), autocommit=True) as session:
        let = {(o, t) for o, t in asked if may(session, question(o, t, known[t]))}
        for forbidden in ("CREATE TABLE public.mine (x int)", "DROP TABLE fills", "CREATE ROLE me"):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(forbidden.encode())
    assert let == {(o, t) for o, t in asked if roles.allows(kind, o, t)}
    print(f"{kind}: {len(let)} calls let, {len(asked) - len(let)} refused")


def test_the_matrix_names_tables_that_are_there(granted: str) -> None:
    assert roles.unknown(columns(granted).keys()) == set()


def test_a_sink_that_owns_nothing_stores_rows_and_moves_its_offsets(granted: str) -> None:
    async def store() -> int:
        history = History(as_role(granted, "sink"))
        await history.connect()
        try:
            await history.claim([PLACE])
            written = await history.commit(batch_of(POSITIONS, [position(1), position(2)]))
            assert await history.backups() == {}
            assert await history.chunks() is None
            return written.rows["positions"]
        finally:
            await history.close()

    assert asyncio.run(store()) == 2


def test_a_backup_copies_the_registry_and_its_age_is_known(granted: str, tmp_path: Path) -> None:
    command = [
        "registry",
        "copy",
        str(tmp_path),
        "--keep",
        "1",
        "--url",
        as_role(granted, "backup"),
    ]
    (tmp_path / "20200101T000000Z").mkdir()
    (tmp_path / "20200101T000000Z" / MANIFEST).touch()
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    (kept,) = tmp_path.iterdir()
    assert registry_copy.read(kept).keys() == {f"public.{table}" for table in roles.REGISTRY}

    async def ages() -> dict[str, float]:
        async with await psycopg.AsyncConnection.connect(as_role(granted, "sink")) as sink:
            return await backups.newest(sink)

    found = asyncio.run(ages())
    assert found.keys() == {"registry"} and abs(found["registry"] - time.time()) < 60


def test_a_sink_that_owns_nothing_says_who_must_migrate(granted: str) -> None:
    with psycopg.connect(granted, autocommit=True) as owner:
        owner.execute(
            "CREATE TEMP TABLE taken AS SELECT * FROM schema_migrations WHERE number = 24"
        )
        owner.execute("DELETE FROM schema_migrations WHERE number = 24")
        with pytest.raises(SchemaRefused, match="headrace roles apply"):
            asyncio.run(History(as_role(granted, "sink")).connect())
        owner.execute("INSERT INTO schema_migrations SELECT * FROM taken")


def test_a_role_that_was_not_made_is_named(granted: str) -> None:
    async def ask() -> None:
        async with await psycopg.AsyncConnection.connect(granted) as owner:
            await roles.apply(owner, {"sink": "nobody-made-it"})

    with pytest.raises(roles.RolesMissing, match="nobody-made-it"):
        asyncio.run(ask())


def test_the_doctor_of_every_role_sees_the_schema_and_the_clock(granted: str) -> None:
    for kind in ROLES:
        found = asyncio.run(checks.postgres(Settings(postgres_url=as_role(granted, kind))))
        assert found.problems == [], kind
        assert "ahead of its" in found.found


def test_the_doctor_names_a_schema_that_is_behind_and_a_clock_that_is_off(postgres: str) -> None:
    with empty_database(postgres) as url:
        found = asyncio.run(checks.postgres(Settings(postgres_url=url)))
    assert [problem.subject for problem in found.problems] == ["schema"]
    assert checks.clock_wrong(checks.CLOCK_S_MAX) == []
    assert checks.clock_wrong(-5.1)[0].found == "-5.1 s"


def test_the_command_migrates_and_names_the_roles_to_make_first(granted: str) -> None:
    done = CliRunner().invoke(app, ["roles", "apply", "--url", granted])
    assert done.exit_code == Exit.CHECK_FAILED
    assert "CREATE ROLE" in done.output and "backfill" in done.output


def test_the_matrix_is_shown_as_a_table_and_as_statements() -> None:
    assert "current_state" in CliRunner().invoke(app, ["roles", "show"]).output
    shown = CliRunner().invoke(app, ["roles", "show", "--as", "sql"]).output
    assert 'GRANT SELECT ON "model_artifacts" TO "worker";' in shown
    assert "user default off" in CliRunner().invoke(app, ["roles", "show", "--as", "users"]).output


LET = {"sink": ("SET", "GET", "HGETALL", "EVAL", "MULTI"), "api": ("GET", "HGETALL", "MULTI")}
REFUSED = {
    "sink": ("FLUSHALL", "FLUSHDB", "CONFIG", "KEYS", "SHUTDOWN", "ACL"),
    "api": ("SET", "DEL", "HSET", "EVAL", "FLUSHALL", "FLUSHDB", "CONFIG", "KEYS", "SHUTDOWN", "ACL"),
}  # fmt: skip
WORDS = {
    "SET": ("k", "v"), "GET": ("k",), "DEL": ("k",), "HSET": ("h", "f", "v"), "HGETALL": ("h",), "CONFIG": ("GET", "*"),
    "EVAL": ("return redis.call('SET', KEYS[1], 'v')", "1", "k"), "KEYS": ("*",), "ACL": ("LIST",),
}  # fmt: skip


def test_a_user_of_the_cache_may_what_its_rules_say(valkey: str) -> None:
    name = f"acl-{secrets.token_hex(4)}"

    async def work() -> None:
        async with Redis.from_url(valkey) as owner:
            for kind, rules in roles.USERS.items():
                words = (
                    "ACL",
                    "SETUSER",
                    f"{name}-{kind}",
                    "reset",
                    "on",
                    f">{PASSWORD}",
                    *rules.split(),
                )
                await owner.execute_command(*words)  # type: ignore[no-untyped-call]  # redis has no type for it
            try:
                for kind in roles.USERS:
                    await _ask(_url(valkey, f"{name}-{kind}"), kind)
                await _follow(valkey, name)
            finally:
                for kind in roles.USERS:
                    await owner.execute_command("ACL", "DELUSER", f"{name}-{kind}")  # type: ignore[no-untyped-call]

    asyncio.run(work())


def _url(valkey: str, user: str) -> str:
    parts = urlsplit(valkey)
    return parts._replace(netloc=f"{user}:{PASSWORD}@{parts.netloc}").geturl()


async def _ask(url: str, kind: str) -> None:
    for word in LET[kind]:
        async with Redis.from_url(url) as client:
            await client.execute_command(word, *WORDS.get(word, ()))  # type: ignore[no-untyped-call]
    for word in REFUSED[kind]:
        async with Redis.from_url(url) as client:
            with pytest.raises(NoPermissionError):
                await client.execute_command(word, *WORDS.get(word, ()))  # type: ignore[no-untyped-call]


async def _follow(valkey: str, name: str) -> None:
    """The sink's own work under its user, and the API's under its own."""
    latest = Latest(_url(valkey, f"{name}-sink"), Keys(name, 1), NoMeter())
    settings = Settings(app=name, partitions=1, redis_url=_url(valkey, f"{name}-api"))
    reader = CurrentReader(settings)
    try:
        for topic in (POSITIONS,):
            await latest.ensure((topic.name, 0), 0, _empty)
        await latest.follow(batch_of(POSITIONS, [position(1)]), _empty)
        assert latest.state == "following"
        found = await reader.read("position")
        assert found.source == "latest" and len(found.values["position"]) == 1
    finally:
        await latest.close()
        await reader.close()


async def _empty(place: Place, kinds: Sequence[str]) -> Snapshot:
    return Snapshot(0, {})
