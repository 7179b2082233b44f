"""A run does its work once: repeated, interrupted, stopped, and beside another."""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest

from api.backfill.coverage import missing
from api.backfill.order import Refused, order
from api.backfill.publishing import instrument_of, publish
from api.backfill.record import Record, RunRefused
from models.quality.candles import CandleRules
from models.quality.constraints import Column
from models.quality.verdict import Verdict
from streams import log
from streams.messages import Bar
from tests.backfill import faults
from tests.backfill.faults import said, status
from tests.backfill.scene import DAY, LATER, SINCE, SYMBOL, Quick, Scene, Shape, rows, table_hash


@pytest.mark.parametrize("shape", ["trades", "bars", "points"])
def test_a_second_run_fetches_all_again_and_changes_nothing(
    database: str, tmp_path: Path, shape: Shape
) -> None:
    first = Scene(database, tmp_path, shape).run()
    assert first.changed == first.rows > 0
    before = table_hash(database)
    second = Scene(database, tmp_path, shape)
    assert second.run().changed == 0
    assert second.venue.requests
    assert table_hash(database) == before
    assert rows(database, "SELECT count(*) FROM bar_revisions") == [(0,)]


def test_bars_built_of_trades_are_those_that_the_venue_tells(database: str, tmp_path: Path) -> None:
    Scene(database, tmp_path, "trades").run()
    assert Scene(database, tmp_path, "bars").run().changed == 0


def test_a_bar_that_was_another_is_kept_as_a_revision(database: str, tmp_path: Path) -> None:
    Scene(database, tmp_path).run()
    before = table_hash(database)
    with psycopg.connect(database, autocommit=True) as sql:
        sql.execute("UPDATE bars SET close = close + 1 WHERE ts = '2024-01-01T05:00Z'")
    assert Scene(database, tmp_path).run().changed == 1
    assert table_hash(database) == before
    asked = "SELECT r.close - b.close FROM bar_revisions r JOIN bars b USING (symbol, interval, ts)"
    assert rows(database, asked) == [(Decimal(1),)]


def test_points_are_kept_beside_the_days_made_of_them(database: str, tmp_path: Path) -> None:
    Scene(database, tmp_path, "points").run()
    assert rows(database, "SELECT count(*), count(volume_24h) FROM reference_prices") == [(48, 48)]
    asked = """
        SELECT bool_and(b.volume IS NULL), bool_and(b.high = (SELECT max(price) FROM reference_prices p
            WHERE p.ts >= b.ts AND p.ts < b.ts + interval '1 day')), count(*) FROM bars b"""
    assert rows(database, asked) == [(True, True, 2)]


def test_a_run_that_failed_goes_on_where_it_stopped(database: str, tmp_path: Path) -> None:
    failing = Scene(database, tmp_path, faults={4: status(404)})
    first = failing.run()
    assert [step.state for step in first.run.steps] == ["loaded", "failed"]
    after = Scene(database, tmp_path)
    second = after.run()
    assert second.run.run_id == first.run.run_id
    assert [step.state for step in second.run.steps] == ["loaded", "loaded"]
    asked_since = min(int(parameters["since"]) for _, parameters in after.venue.requests)
    assert asked_since == SINCE + DAY - 1


def test_a_named_run_goes_on_whatever_the_range(database: str, tmp_path: Path) -> None:
    first = Scene(database, tmp_path, faults={4: status(404)}).run()
    scene = Scene(database, tmp_path, resume=first.run.run_id)
    scene.order = order("kraken", SYMBOL, "1h", SINCE, SINCE + DAY, LATER)
    assert [step.state for step in scene.run().run.steps] == ["loaded", "loaded"]
    with pytest.raises(RunRefused, match="no run elsewhere"):
        Scene(database, tmp_path, resume="elsewhere").run()


def test_a_trade_that_is_missing_between_two_chunks_is_noticed(
    database: str, tmp_path: Path
) -> None:
    """The second chunk's first page lacks its first trade, both times it is asked for."""
    lacking = said(lambda trades: trades[1:])
    healthy = Scene(database, tmp_path)
    healthy.run()
    first_of_second = next(
        number
        for number, (_, parameters) in enumerate(healthy.venue.requests)
        if int(parameters["since"]) == SINCE + DAY - 1
    )
    scene = Scene(
        database, tmp_path, faults={first_of_second: lacking, first_of_second + 1: lacking}
    )
    assert [step.state for step in scene.run().run.steps] == ["loaded", "quarantined"]
    ((error,),) = rows(
        database, "SELECT error FROM backfill_chunks WHERE chunk = 1 AND state = 'quarantined'"
    )
    assert "contiguous trades" in error


def test_two_runs_of_one_key_do_not_go_side_by_side(database: str, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path)

    async def beside() -> None:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as sql:
            await Record(sql).begin(scene.order, "", LATER)
            await scene._run()

    with pytest.raises(RunRefused, match="under way"):
        asyncio.run(beside())


def test_a_run_that_has_lost_its_record_stores_nothing_more(database: str, tmp_path: Path) -> None:
    """As when somebody took it for dead."""

    class Thief(Quick):
        def validate(self, name: str, columns: Mapping[str, Column], rules: CandleRules) -> Verdict:
            with psycopg.connect(database, autocommit=True) as sql:
                sql.execute("UPDATE backfill_runs SET state = 'interrupted'")
            return super().validate(name, columns, rules)

    with pytest.raises(RunRefused, match="not running"):
        Scene(database, tmp_path, judge=Thief).run()
    assert rows(database, "SELECT count(*) FROM bars") == [(0,)]


def test_who_is_stopped_ends_after_the_chunk_at_hand(database: str, tmp_path: Path) -> None:
    class Stopper(Quick):
        def validate(self, name: str, columns: Mapping[str, Column], rules: CandleRules) -> Verdict:
            os.kill(os.getpid(), signal.SIGINT)
            return super().validate(name, columns, rules)

    outcome = Scene(database, tmp_path, judge=Stopper).run()
    assert outcome.ending.state == "cancelled"
    assert [step.state for step in outcome.run.steps] == ["loaded", "pending"]
    assert Scene(database, tmp_path).run().ending.state == "succeeded"


def test_gaps_are_listed(database: str, tmp_path: Path) -> None:
    """One bar of the venue's is left out; one of fifty is still enough."""

    def lacking(bars: faults.Rows) -> faults.Rows:
        return bars[:7] + bars[8:]

    scene = Scene(database, tmp_path, "bars", faults={0: said(lacking)}, days=3)
    assert scene.run().ending.state == "succeeded"
    ((gaps,),) = rows(database, "SELECT gaps FROM backfill_chunks")
    assert [gap.isoformat() for gap in gaps] == ["2024-01-01T07:00:00+00:00"]


def test_a_range_is_covered_by_loaded_chunks_alone(database: str, tmp_path: Path) -> None:
    failing = Scene(database, tmp_path, faults={4: status(404)})
    failing.run()

    async def asked(until: int) -> list[tuple[int, int]]:
        async with await psycopg.AsyncConnection.connect(database) as sql:
            return await missing(sql, replace(failing.order, until=until))

    assert asyncio.run(asked(SINCE + DAY)) == []
    assert asyncio.run(asked(SINCE + 2 * DAY)) == [(SINCE + DAY, SINCE + 2 * DAY)]


def test_bars_are_published_to_a_topic_of_the_runs_own(
    database: str, kafka: str, tmp_path: Path
) -> None:
    scene = Scene(database, tmp_path)
    outcome = scene.run()

    async def told() -> list[Bar]:
        await publish(database, kafka, 2, scene.order, outcome.run.run_id)
        count = await publish(database, kafka, 2, scene.order, outcome.run.run_id)
        records = await log.read_all(kafka, f"replay.{outcome.run.run_id}.market.bars")
        assert len(records) == count == 48
        return [msgspec.json.decode(record.value or b"", type=Bar) for record in records]

    bars = asyncio.run(told())
    asked = "SELECT open, volume FROM bars ORDER BY ts"
    tick, lot = Decimal("0.1"), Decimal("0.00000001")
    assert [(bar.open * tick, bar.volume * lot) for bar in bars] == rows(database, asked)
    assert [bar.start for bar in bars] == [SINCE + hour * DAY // 24 for hour in range(48)]


def test_bars_without_a_tick_are_not_published() -> None:
    with pytest.raises(Refused, match="no tick"):
        instrument_of(order("coingecko", SYMBOL, "1d", SINCE, SINCE + DAY, LATER))
