"""The sink against a real log and a real database: every committed record becomes one row, whatever breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from redis import Redis

from sinks import history, writer
from sinks.current import KINDS, versioned
from sinks.latest import Keys
from sinks.rebuild import rebuild
from sinks.run import Sink, run
from streams.exits import Exit
from streams.meter import NoMeter, SinkMeter
from streams.settings import Settings
from tests.sinks.conftest import PARTITIONS
from tests.sinks.flow import (
    Heard,
    logged,
    produce,
    row_count,
    settings,
    stored,
    wait_until,
)

STOP_S = 20.0


def total(by_table: dict[str, set[tuple[int, int]]]) -> int:
    return sum(map(len, by_table.values()))


def run_until(
    given: Settings,
    meter: SinkMeter,
    done: Callable[[Sink], bool],
    work: Awaitable[None] | None = None,
) -> Exit:
    """Runs a sink, and `work` beside it, until `done` says so or the sink ends by itself."""

    async def main() -> Exit:
        stop = asyncio.Event()
        sink = Sink(given, meter)
        running = asyncio.create_task(sink.run(stop))
        if work is not None:
            await work
        async with asyncio.timeout(STOP_S + 20):
            while not running.done() and not await asyncio.to_thread(done, sink):  # noqa: ASYNC110  SQL says when
                await asyncio.sleep(0.05)
        stop.set()
        return await running

    return asyncio.run(main())


def holds_all(kafka: str, database: str) -> Callable[[Sink], bool]:
    wanted = total(logged(kafka))
    return lambda _sink: row_count(database) >= wanted


def test_every_committed_record_becomes_one_row(kafka: str, database: str, app: str) -> None:
    asyncio.run(produce(kafka, 10))
    given = settings(app, kafka, database)
    assert run_until(given, NoMeter(), holds_all(kafka, database)) == Exit.CLEAN
    assert stored(database) == logged(kafka)


def test_the_lag_is_zero_when_all_is_stored(kafka: str, database: str, app: str) -> None:
    asyncio.run(produce(kafka, 5))
    seen: list[int] = []

    def done(sink: Sink) -> bool:
        lag = sink.status()["lag_records"]
        if lag is not None:
            seen.append(lag)
        return lag == 0 and row_count(database) > 0

    run_until(settings(app, kafka, database), NoMeter(), done)
    assert seen[-1] == 0
    assert stored(database) == logged(kafka)


def test_a_stop_stores_what_is_in_hand(kafka: str, database: str, app: str) -> None:
    asyncio.run(produce(kafka, 60))

    async def main() -> dict[str, Any]:
        stop = asyncio.Event()
        sink = Sink(settings(app, kafka, database), NoMeter())
        running = asyncio.create_task(sink.run(stop))
        while not sink.status()["batches"]:  # noqa: ASYNC110  no event says so
            await asyncio.sleep(0.005)
        stop.set()
        assert await running == Exit.CLEAN
        return sink.status()

    status = asyncio.run(main())
    assert status["held_records"] == 0
    assert row_count(database) == sum(status["rows"].values())


def test_a_sink_that_must_wait_for_a_lock_is_not_ready_and_goes_on_after_it(
    kafka: str, database: str, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "STUCK_S", 0.3)
    monkeypatch.setattr(history, "COMMIT_TIMEOUT_S", 1.0)
    heard, ready = Heard(), []

    async def lock() -> None:
        await asyncio.to_thread(wait_until, lambda: row_count(database) > 0, "a row")
        async with await psycopg.AsyncConnection.connect(database) as sql:
            await sql.execute("LOCK TABLE fills IN ACCESS EXCLUSIVE MODE")
            await produce(kafka, 2)
            await asyncio.to_thread(wait_until, lambda: bool(heard.losses), "a time-out")

    asyncio.run(produce(kafka, 1))
    given = settings(app, kafka, database)

    def done(sink: Sink) -> bool:
        ready.append(sink.is_connected())
        return row_count(database) >= total(logged(kafka))

    assert run_until(given, heard, done, lock()) == Exit.CLEAN
    assert stored(database) == logged(kafka)
    assert "history: TimeoutError" in heard.losses
    assert ready[-1]


def test_two_sinks_share_the_partitions_and_store_each_record_once(
    kafka: str, database: str, app: str
) -> None:
    given = settings(app, kafka, database)

    async def main() -> list[Exit]:
        stop = asyncio.Event()
        sinks = [Sink(given, NoMeter()) for _ in range(2)]
        first = asyncio.create_task(sinks[0].run(stop))
        load = asyncio.create_task(produce(kafka, 30, pause_s=0.1))
        await asyncio.sleep(1.0)
        second = asyncio.create_task(sinks[1].run(stop))
        await load
        wanted = total(await asyncio.to_thread(logged, kafka))
        await asyncio.to_thread(wait_until, lambda: row_count(database) >= wanted, "all rows")
        assert all(sink.status()["partitions"] > 0 for sink in sinks)
        stop.set()
        return list(await asyncio.gather(first, second))

    assert asyncio.run(main()) == [Exit.CLEAN, Exit.CLEAN]
    assert stored(database) == logged(kafka)


def test_a_sink_whose_partitions_another_has_claimed_ends_as_fenced(
    kafka: str, database: str, app: str
) -> None:
    given = settings(app, kafka, database)

    async def rival() -> None:
        await asyncio.to_thread(wait_until, lambda: row_count(database) > 0, "a row")
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            await connection.execute("UPDATE sink_offsets SET epoch = epoch + 1")
        await produce(kafka, 2)

    asyncio.run(produce(kafka, 1))
    assert run_until(given, NoMeter(), lambda _sink: False, rival()) == Exit.FENCED


def test_a_restarted_sink_reads_on_from_where_the_database_is(
    kafka: str, database: str, app: str
) -> None:
    asyncio.run(produce(kafka, 5))
    given = settings(app, kafka, database)
    run_until(given, NoMeter(), holds_all(kafka, database))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM fills WHERE log_offset >= 20")
        connection.execute("UPDATE sink_offsets SET next = 20 WHERE topic = 'fills'")
    run_until(given, NoMeter(), holds_all(kafka, database))
    assert stored(database) == logged(kafka)


def test_records_that_are_gone_before_they_were_stored_end_the_sink(
    kafka: str, database: str, app: str
) -> None:
    asyncio.run(produce(kafka, 1))
    given = settings(app, kafka, database)
    run_until(given, NoMeter(), holds_all(kafka, database))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE sink_offsets SET next = 1000000 WHERE topic = 'fills'")
    assert run_until(given, NoMeter(), lambda _sink: False) == Exit.LOG_CHANGED


def test_the_latest_state_is_what_sql_says_is_current(
    kafka: str, database: str, valkey: str, app: str
) -> None:
    asyncio.run(produce(kafka, 5))
    given = settings(app, kafka, database, valkey)
    run_until(given, NoMeter(), holds_all(kafka, database))
    keys = Keys(app, 1)
    with Redis.from_url(valkey) as cache, psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT kind, log_partition, key, log_offset, value::text FROM current_state"
        ).fetchall()
        assert {kind for kind, *_ in rows} == {"position", "account", "order", "alias"}
        for kind, partition, key, offset, value in rows:
            cached = cache.hget(keys.values(kind, partition), key)
            assert cached == versioned(offset, value.encode()), (kind, key)
        cached_orders = sum(cache.hlen(keys.values("order", p)) for p in range(2))
        assert cached_orders == len([kind for kind, *_ in rows if kind == "order"])


def test_the_latest_state_rebuilt_from_the_topics_is_what_the_sink_left(
    kafka: str, database: str, valkey: str, app: str
) -> None:
    asyncio.run(produce(kafka, 5))
    given = settings(app, kafka, database, valkey)
    run_until(given, NoMeter(), holds_all(kafka, database))
    with Redis.from_url(valkey) as cache:
        left = values(cache, app)
        cache.flushall()
        rebuilt = asyncio.run(rebuild(given))
        assert values(cache, app) == left != {}
        assert not rebuilt.newer and sum(rebuilt.values.values()) == sum(map(len, left.values()))
        asyncio.run(produce(kafka, 1))
        run_until(given, NoMeter(), holds_all(kafka, database))
        cache.hset(Keys(app, 1).progress, "positions/0", 10**9)
        assert asyncio.run(rebuild(given)).newer == [("positions", 0)]


def values(cache: Redis, app: str) -> dict[str, Any]:
    """All values of the latest state, by hash."""
    names = [
        Keys(app, 1).values(kind, partition)
        for kinds in KINDS.values()
        for kind in kinds
        for partition in range(PARTITIONS)
    ]
    return {name: held for name in names if (held := cache.hgetall(name))}


def test_a_sink_without_a_database_says_so(kafka: str, app: str) -> None:
    given = settings(app, kafka, "")
    assert asyncio.run(run(given, NoMeter(), asyncio.Event())) == Exit.SETTINGS


def test_a_sink_that_requires_timescaledb_refuses_plain_postgresql(
    kafka: str, database: str, app: str
) -> None:
    given = settings(app, kafka, database).model_copy(update={"require_timescale": True})
    assert run_until(given, NoMeter(), lambda _sink: False) == Exit.CHECK_FAILED
    assert row_count(database) == 0
