"""Migrations: applied once, in order, and never over a history that is not ours."""

import asyncio

import psycopg
import pytest

from sinks.migrate import Migration, SchemaRefused, migrate, migrations
from sinks.rows import TABLES
from sinks.table import KEY_COLUMNS
from tests.sinks.messages import ONE_OF_EACH

PLAIN = [f"{m.number:03d}_{m.name}" for m in migrations() if not m.extension]


def apply(
    url: str, wanted: list[Migration] | None = None, *, require_timescaledb: bool = False
) -> list[str]:
    async def run() -> list[str]:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await migrate(connection, require_timescaledb=require_timescaledb, wanted=wanted)

    return asyncio.run(run())


def test_migrations_are_applied_once_and_hypertables_only_where_the_extension_is(
    database: str,
) -> None:
    assert apply(database) == PLAIN
    assert apply(database) == []


def test_two_sinks_that_start_together_apply_each_migration_once(database: str) -> None:
    async def both() -> list[list[str]]:
        return await asyncio.gather(*(asyncio.to_thread(apply, database) for _ in range(2)))

    assert sorted(asyncio.run(both())) == [[], PLAIN]


def test_a_migration_that_was_changed_after_it_was_applied_is_refused(database: str) -> None:
    first = Migration(1, "first", "", "CREATE TABLE a (x int)")
    apply(database, [first])
    with pytest.raises(SchemaRefused, match="001_first was changed"):
        apply(database, [first._replace(sql="CREATE TABLE a (y int)")])


def test_a_schema_newer_than_this_version_is_refused(database: str) -> None:
    first = Migration(1, "first", "", "CREATE TABLE a (x int)")
    apply(database, [first, Migration(2, "second", "", "CREATE TABLE b (x int)")])
    with pytest.raises(SchemaRefused, match="it has migration 2"):
        apply(database, [first])


def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    good = Migration(1, "first", "", "CREATE TABLE a (x int)")
    with pytest.raises(psycopg.errors.SyntaxError):
        apply(database, [good, Migration(2, "second", "", "CREATE NONSENSE")])
    assert apply(database, [good]) == ["001_first"]


def test_plain_postgresql_is_refused_where_timescaledb_is_required(database: str) -> None:
    with pytest.raises(SchemaRefused, match="TimescaleDB is required"):
        apply(database, require_timescaledb=True)


def test_tables_have_the_columns_that_rows_fill(database: str) -> None:
    apply(database)
    with psycopg.connect(database) as connection:
        for table in TABLES:
            found = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "ORDER BY ordinal_position",
                [table.name],
            ).fetchall()
            expected = [*KEY_COLUMNS, *(column.name for column in table.columns)]
            assert [name for (name,) in found] == expected, table.name


def test_every_topic_that_has_a_table_has_test_messages() -> None:
    assert {table.topic for table in TABLES} == set(ONE_OF_EACH)
