"""A backfill on TimescaleDB: bars and prices are hypertables, and twice is the same as once there too."""

from pathlib import Path

import psycopg

from tests.backfill.scene import Scene, Shape, rows, table_hash


def test_a_backfill_on_timescaledb_stores_the_same_rows_once(
    timescale: str, database: str, tmp_path: Path
) -> None:
    shapes: tuple[Shape, ...] = ("trades", "points")
    for shape in shapes:
        Scene(database, tmp_path, shape).run()
        assert Scene(timescale, tmp_path, shape).run().changed > 0
    assert table_hash(timescale) == table_hash(database)
    for shape in shapes:
        assert Scene(timescale, tmp_path, shape).run().changed == 0
    with psycopg.connect(timescale, autocommit=True) as sql:
        sql.execute("UPDATE bars SET close = close + 1 WHERE source = 'kraken'")
    assert Scene(timescale, tmp_path, "trades").run().changed == 48
    assert table_hash(timescale) == table_hash(database)
    asked = "SELECT hypertable_name FROM timescaledb_information.hypertables"
    assert {("bars",), ("reference_prices",)} <= set(rows(timescale, asked))
