"""The history on TimescaleDB: the same rows and answers as on plain PostgreSQL, with chunks compressed or not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import psycopg
import pytest

from models.feature_store import relations
from models.feature_store.sets import MICRO
from sinks import migrate
from sinks.history import Written
from sinks.migrate import Migration, SchemaRefused, migrations
from sinks.rows import BY_TOPIC
from sinks.writes import Differs
from streams import topics
from streams.topics import QUOTES, Topic
from tests.sinks.messages import FILLS, ONE_OF_EACH, TRADES, features, fill, quote, trade
from tests.sinks.stored import next_of, read_again, select, store, with_history
from tests.sinks.test_migrate import apply
from tests.support.timescale import LocalTimescale

CONTINUOUS = {
    "bars_1s", "bars_1m", "bars_1h", "bars_1d", "pnl_1m", "decisions_1m", "order_events_1m", "fills_1m",
    "model_metrics",
}  # fmt: skip
VIEWS = (*sorted(CONTINUOUS), "order_funnel_1m", "instruments", "refused_records")
SMALL = {"control", "aliases"}
NEVER_COMPRESSED = {"bars", "reference_prices"}
KEPT_FOR_EVER = {"orders", "accepted", "decisions", "order_events", "fills", "positions"}

VECTOR = MICRO.vector.pack(*(n / 3 for n in range(len(MICRO.names))))


def run_jobs(url: str, kind: str, table: str) -> None:
    """Run a policy now; the real one's worker would in its time. All test messages are old enough for it."""
    query = (
        "SELECT job_id FROM timescaledb_information.jobs "
        f"WHERE proc_name = '{kind}' AND hypertable_name = '{table}'"
    )
    (job,) = select(url, query)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CALL run_job({job[0]})".encode())


def compressed(url: str) -> set[str]:
    query = "SELECT hypertable_name FROM timescaledb_information.chunks WHERE is_compressed"
    return {name for (name,) in select(url, query)}


def jobs(url: str, kind: str) -> set[str]:
    """The tables and views that a policy looks after."""
    query = f"SELECT hypertable_name FROM timescaledb_information.jobs WHERE proc_name = '{kind}'"
    return {name for (name,) in select(url, query)}


def test_every_migration_applies_and_sets_up_chunks_columnstore_and_retention(
    timescale: str,
) -> None:
    names = [f"{m.number:03d}_{m.name}" for m in migrations()]
    assert apply(timescale, require_timescaledb=True) == names
    assert apply(timescale) == []
    found = select(timescale, "SELECT hypertable_name FROM timescaledb_information.hypertables")
    tables = {name for (name,) in found}
    of_topics = {table.name for table in BY_TOPIC.values()} - SMALL
    assert tables == of_topics | NEVER_COMPRESSED
    assert jobs(timescale, "policy_compression") == of_topics
    assert jobs(timescale, "policy_retention") == of_topics - KEPT_FOR_EVER
    assert jobs(timescale, "policy_refresh_continuous_aggregate") == CONTINUOUS


def test_a_plain_database_that_gets_the_extension_keeps_its_rows_and_views(tmp_path: Path) -> None:
    plain = [migration for migration in migrations() if not migration.extension]
    with LocalTimescale(tmp_path / "without") as server:
        apply(server.url, plain)
        assert select(server.url, "SELECT count(*) FROM pg_extension") == [(1,)]
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO trades SELECT now(), 0, 0, 'S', 1, 1, 'buy', 1, '', 1, 1"
            )
        before = select(server.url, "SELECT * FROM bars_1d")
        assert apply(server.url) == [
            f"{m.number:03d}_{m.name}" for m in migrations() if m.extension
        ]
        assert select(server.url, "SELECT * FROM bars_1d") == before != []
        assert select(server.url, "SELECT count(*) FROM show_chunks('trades')") == [(1,)]


def test_an_extension_that_is_too_old_is_refused(
    timescale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TIMESCALEDB_MIN", (99, 0))
    with pytest.raises(SchemaRefused, match=r"TimescaleDB 99\.0 or later .* has 2\.23"):
        apply(timescale, [Migration(1, "none", "", "SELECT 1")])


def test_rows_read_again_over_compressed_chunks_are_all_found_and_none_is_doubled(
    timescale: str,
) -> None:
    for topic, messages in ONE_OF_EACH.items():
        store(timescale, topic, list(messages))
    hypertables = {table.name for table in BY_TOPIC.values()} - SMALL
    for name in hypertables:
        run_jobs(timescale, "policy_compression", name)
    assert compressed(timescale) == hypertables
    found = with_history(timescale, lambda history: history.chunks())
    assert found.counts == {"rowstore": 0, "columnstore": len(hypertables)}
    assert found.ratio > 0
    read_again(timescale)
    for topic, messages in ONE_OF_EACH.items():
        name = BY_TOPIC[topic.name].name
        assert store(timescale, topic, list(messages)) == Written({name: 0}, 2), name
        assert select(timescale, f"SELECT count(*) FROM {name}") == [(2,)]


def test_late_rows_go_into_old_compressed_chunks_between_those_that_are_there(
    timescale: str,
) -> None:
    early = [trade(n) if n % 2 else b"late" for n in range(2_000)]
    assert store(timescale, TRADES, early) == Written({"trades": 1_000}, 0)
    run_jobs(timescale, "policy_compression", "trades")
    read_again(timescale)
    written = store(timescale, TRADES, [trade(n) for n in range(3_000)])
    assert written == Written({"trades": 2_000}, 1_000)
    assert next_of(timescale, TRADES) == 3_000
    query = "SELECT count(*), count(DISTINCT log_offset) FROM trades"
    assert select(timescale, query) == [(3_000, 3_000)]


def test_a_row_in_a_compressed_chunk_that_says_something_else_is_an_alarm(timescale: str) -> None:
    store(timescale, FILLS, [fill(0), fill(1)])
    run_jobs(timescale, "policy_compression", "fills")
    assert compressed(timescale) == {"fills"}
    read_again(timescale)
    with pytest.raises(Differs):
        store(timescale, FILLS, [fill(0), fill(1, fee="0")])


def stored_everywhere(
    url: str, messages: Mapping[Topic, Sequence[object]]
) -> dict[str, list[object]]:
    for topic, given in messages.items():
        store(url, topic, given)
    return {view: sorted(select(url, f"SELECT * FROM {view}"), key=repr) for view in VIEWS}


def test_views_say_the_same_on_both_and_before_and_after_a_refresh(
    timescale: str, database: str
) -> None:
    messages: dict[Topic, Sequence[object]] = {
        topic: [pair[n % 2] for n in range(40)]
        if topic not in (TRADES, FILLS)
        else [trade(n * 997) if topic is TRADES else fill(n) for n in range(40)]
        for topic, pair in ONE_OF_EACH.items()
    }
    plain = stored_everywhere(database, messages)
    assert all(plain.values()), "a view without rows proves nothing"
    assert stored_everywhere(timescale, messages) == plain
    with psycopg.connect(timescale, autocommit=True) as connection:
        for view in ("bars_1s", "bars_1m", *sorted(CONTINUOUS)):  # each after those it is made of
            connection.execute(f"CALL refresh_continuous_aggregate('{view}', NULL, NULL)".encode())
    for view in VIEWS:
        assert sorted(select(timescale, f"SELECT * FROM {view}"), key=repr) == plain[view], view
    late = [trade(n * 997) for n in range(40, 44)]
    for url in (timescale, database):
        store(url, TRADES, late, first=40)
    with psycopg.connect(timescale, autocommit=True) as connection:
        connection.execute("CALL refresh_continuous_aggregate('bars_1s', NULL, NULL)")
    query = "SELECT * FROM bars_1s ORDER BY ts"
    assert select(timescale, query) == select(database, query)


def test_the_feature_stores_views_read_chunks_in_either_state(timescale: str) -> None:
    rows = [
        msgspec.structs.replace(features(n), set_hash=MICRO.hash, vector=VECTOR) for n in (0, 1)
    ]
    store(timescale, topics.FEATURES, rows)
    with psycopg.connect(timescale, autocommit=True) as connection:
        for statement in relations.statements():
            connection.execute(statement.encode())
    query = f"SELECT symbol, event_timestamp, ready_mask, {MICRO.names[2]} FROM feast.micro_v1"
    before = select(timescale, query)
    assert [row[3] for row in before] == [2 / 3, 2 / 3]
    run_jobs(timescale, "policy_compression", "features")
    assert select(timescale, query) == before


def test_retention_drops_old_quotes_and_no_old_fills(timescale: str) -> None:
    store(timescale, QUOTES, [quote(0)])
    store(timescale, FILLS, [fill(0)])
    run_jobs(timescale, "policy_retention", "quotes")
    assert select(timescale, "SELECT count(*) FROM quotes") == [(0,)]
    assert select(timescale, "SELECT count(*) FROM fills") == [(1,)]
