"""Topics as the source of a replay: read without a trace, refused where they are cut off, exported and read again."""

import asyncio
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from typer.testing import CliRunner, Result

from api import cli, reference
from api.replay_topics import NotOurs, ReplayTopics
from sinks.batch import Batch, Span
from sinks.history import History
from streams import admin, codec, control, log, topics
from streams.feeds.file import FileSource
from streams.feeds.reference import SIMULATED
from streams.feeds.source import Event
from streams.feeds.synthetic import rounds
from streams.local import LocalKafka
from streams.messages import Trade
from tests.faults import cluster
from tests.faults.cluster import Put
from tests.sinks.messages import Record
from tests.sinks.stored import with_history
from tests.sinks.test_migrate import apply
from tests.support.databases import empty_database

INSTRUMENT = next(i for i in SIMULATED if i.symbol == "LTC/USD.SIM")
SECONDS = 40
STRATEGY = ["--strategy", "tests.replay.strategies:Often", "--param", "every=2"]


def events() -> list[Event]:
    made = islice(rounds(7, 1_000, instruments=(INSTRUMENT,)), SECONDS)
    return [event for batch in made for event in batch]


def puts() -> Iterator[Put]:
    """Reference data that is written after the market data it is about, as it is where old data are loaded."""
    for event in events():
        topic = topics.TRADES if isinstance(event, Trade) else topics.QUOTES
        yield topic.name, event.symbol, codec.encode(event), event.time // 10**6
    late = events()[-1].time // 10**6 + 60_000
    for record in [*reference.instruments([INSTRUMENT]), *reference.paper_account("paper", "USD")]:
        yield "control", control.key(record), control.encode(record), late


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of the module's own, since its log is cut off."""
    with LocalKafka(tmp_path_factory.mktemp("broker")) as broker:
        cluster.empty_topics(broker.bootstrap)
        cluster.put(broker.bootstrap, puts())
        yield broker.bootstrap


def command(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


async def state(brokers: str) -> tuple[set[str], list[str], dict[TopicPartition, int]]:
    """All topics, groups and ends."""
    async with admin.client(brokers) as client:
        names = set(await client.list_topics())
        groups = sorted(name for name, _ in await client.list_consumer_groups())
    return names, groups, await log.end_offsets(brokers, sorted(names - {"__consumer_offsets"}))


def test_a_range_of_topics_is_replayed_again_and_again_and_leaves_no_trace(
    brokers: str, tmp_path: Path
) -> None:
    before = asyncio.run(state(brokers))
    words = ["replay", "--run", "one", "--data", str(tmp_path), "--brokers", brokers]
    first = command(*words, *STRATEGY)
    assert first.exit_code == 0, first.output
    told = json.loads((tmp_path / "replays" / "one" / "results.json").read_text())
    assert told["total"]["fills"] > 2
    assert told["total"]["equity_first"] == 1_000_000
    again = command(*words)
    assert again.exit_code == 0, again.output
    assert "the same hashes" in again.output
    assert asyncio.run(state(brokers)) == before


def stored(url: str, brokers: str) -> None:
    """Every record of the sources, as the sink stores it."""

    async def work(history: History) -> None:
        for name in ("control", "market.quotes", "market.trades", "orders"):
            records = await log.read_all(brokers, name)
            for partition in sorted({record.partition for record in records}):
                mine = [r for r in records if r.partition == partition]
                await history.claim([(name, partition)])
                batch = Batch(generation=0)
                rows = [Record(r.offset, r.timestamp_ms, r.value) for r in mine]
                batch.add((name, partition), Span(0, mine[-1].offset + 1), rows)
                batch.seal()
                await history.commit(batch)

    with_history(url, work)


def results(directory: Path, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "replays" / run / "results.json").read_text())
    return found


def test_the_history_gives_the_same_hashes_as_the_topics_and_keeps_what_came_of_a_run(
    brokers: str, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--data", str(tmp_path), "--brokers", brokers, *STRATEGY]
    with empty_database(postgres) as url:
        monkeypatch.setenv("HEADRACE_POSTGRES_URL", url)
        with psycopg.connect(url, autocommit=True) as connection:
            apply(url)
            stored(url, brokers)
            assert command("replay", "--run", "topics", *words).exit_code == 0
            told = command("replay", "--run", "history", "--source", "history", "--store", *words)
            assert told.exit_code == 0, told.output
            found = results(tmp_path, "history")
            assert found["sha256"] == results(tmp_path, "topics")["sha256"]
            again = command("replay", "--run", "history", "--store", *words)
            assert "the same hashes" in again.output
            counts = connection.execute(
                "SELECT (SELECT count(*) FROM run_fills WHERE run_id = 'history'), "
                "(SELECT count(*) FROM run_trades WHERE run_id = 'history'), "
                "(SELECT count(*) FROM run_equity), (SELECT count(*) FROM fills), "
                "(SELECT result->'total'->>'fills' FROM runs WHERE run_id = 'history')"
            ).fetchone()
            assert counts is not None
            fills, trades, points, live, kept = counts
            assert fills == found["total"]["fills"] == int(kept) > 2
            assert trades == found["total"]["trades"]
            assert points > 10
            assert live == 0, "a replay's fills are not the engine's"
            steps = connection.execute("SELECT step, sha256, row_count FROM run_tracker").fetchall()
            assert {step: sha256 for step, sha256, _ in steps} == found["sha256"]
            assert sum(rows for step, _, rows in steps if step.startswith("fills[")) == fills


def test_outputs_are_published_under_the_runs_name_and_nowhere_else(
    brokers: str, tmp_path: Path
) -> None:
    words = ["replay", "--run", "shown", "--data", str(tmp_path), "--brokers", brokers, *STRATEGY]
    refused = command(*words, "--publish", "market.quotes")
    assert refused.exit_code == 64
    before = asyncio.run(state(brokers))
    for _ in range(2):  # a run that is repeated begins with empty topics
        done = command(*words, "--publish", "fills,positions")
        assert done.exit_code == 0, done.output
        names, groups, ends = asyncio.run(state(brokers))
        assert names - before[0] == {"replay.shown.fills", "replay.shown.positions"}
        assert {p: at for p, at in ends.items() if p.topic in before[0]} == before[2]
        records = asyncio.run(log.read_all(brokers, "replay.shown.fills"))
        assert len(records) == results(tmp_path, "shown")["outputs"]["fills"] > 2
        assert groups == before[1]
    topics.FILLS.decode(records[0].value or b"")
    own = ReplayTopics("shown", AIOKafkaProducer.__new__(AIOKafkaProducer), ["fills"])
    for name in ("fills", "replay.other.fills", "replay.shown"):
        with pytest.raises(NotOurs):
            asyncio.run(own.send(name, 0, b"k", b"v", 0))


def test_captured_market_data_are_read_by_the_file_feed_as_they_were(
    brokers: str, tmp_path: Path
) -> None:
    done = command("capture", str(tmp_path), "--brokers", brokers, "--topics",
                   "market.quotes,market.trades,control")  # fmt: skip
    assert done.exit_code == 0, done.output
    source = FileSource(tmp_path, keep_times=True)

    async def read() -> list[Event]:
        return [event async for batch in source.events() for event in batch]

    found = [event for event in asyncio.run(read())]
    figures = [(type(e), e.time, e.received) for e in found]
    assert sorted(figures, key=str) == sorted(
        ((type(e), e.time, e.received) for e in events()), key=str
    )
    quotes = [(e.bid, e.ask, e.bid_size, e.ask_size) for e in found if not isinstance(e, Trade)]
    assert quotes == [
        (e.bid, e.ask, e.bid_size, e.ask_size) for e in events() if not isinstance(e, Trade)
    ]
    assert (tmp_path / "control.parquet").exists()


def test_a_range_whose_retention_has_passed_is_refused_with_the_offset_that_is_missing(
    brokers: str, tmp_path: Path
) -> None:
    words = ["replay", "--run", "cut", "--data", str(tmp_path), "--brokers", brokers]
    assert command(*words, "--to", "2026-01-01T01:00:00+01:00").exit_code == 0  # before the market
    assert command(*words[:2], "two", *words[3:], *STRATEGY).exit_code == 0
    partition = next(
        p.partition
        for p, end in asyncio.run(log.end_offsets(brokers, ["market.quotes"])).items()
        if end
    )
    cluster.delete_records(brokers, "market.quotes", partition, before=100)
    refused = command(*words[:2], "two", *words[3:])
    assert refused.exit_code == 65
    assert "begins at offset 100, offset 0 is needed: its retention has passed" in refused.output
