"""What-if runs over files: repeated, stopped, resumed, with other costs, reported, and blind to the future."""

import asyncio
import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from api import cli
from api.replay.manifest import Manifest
from api.replay.market_files import MarketFiles
from api.replay.parting import Parting, part
from api.replay.results import files, page, summary
from api.replay.whatif import Output, Run
from streams.feeds import reference
from streams.feeds.source import Event
from streams.feeds.synthetic import rounds
from streams.messages import Quote

SECONDS = 48
INSTRUMENT = next(i for i in reference.SIMULATED if i.symbol == "LTC/USD.SIM")
OFTEN = "tests.replay.strategies:Often"
PEEKING = "tests.replay.strategies:Peeking"
Change = Callable[[list[Event]], list[Event]]


def write(directory: Path, events: list[Event]) -> Path:
    with MarketFiles(directory, {INSTRUMENT.symbol: INSTRUMENT}) as out:
        out.write(events)
    return directory


@pytest.fixture(scope="module")
def events() -> list[Event]:
    made = islice(rounds(7, 1_000, instruments=(INSTRUMENT,)), SECONDS)
    return [event for batch in made for event in batch]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> Path:
    return write(tmp_path_factory.mktemp("market"), events)


def plan(market: Path, **fields: object) -> Manifest:
    made = Manifest(
        run="t", partitions=2, generation=1, path=str(market), strategy=OFTEN, params={"every": "3"}
    )
    return msgspec.structs.replace(made, **fields)


def gone(run: Run) -> Run:
    assert asyncio.run(run.go())
    return run


@pytest.fixture(scope="module")
def whole(market: Path) -> Run:
    return gone(Run(plan(market), None))


def test_a_strategy_of_ones_own_trades_recorded_data(whole: Run) -> None:
    figures = summary.summarise(whole.collected)
    total = figures["total"]
    assert total["fills"] > 5
    assert total["trades"] > 1
    assert total["fees"] > 0
    assert total["equity_first"] == 1_000_000
    assert total["profit"] == pytest.approx(
        sum(t.net for t in whole.collected.trades) + open_profit(whole), abs=1e-6
    )
    assert figures["symbols"][INSTRUMENT.symbol]["fills"] == total["fills"]


def open_profit(run: Run) -> float:
    """Of the trade under way: value at the last mid less what was paid, fees included."""
    found, value = run.collected, 0.0
    for account, held in found.qty.items():
        for symbol, qty in held.items():
            bought = [e for e in found.executions if (e.account, e.symbol) == (account, symbol)]
            paid = sum(e.side * e.notional + e.fee for e in bought)
            closed = sum(t.net for t in found.trades if (t.account, t.symbol) == (account, symbol))
            value += qty * found.mids[symbol] - paid - closed
    return value


def test_a_repeated_run_has_the_same_hashes_and_another_seal_too(whole: Run, market: Path) -> None:
    again = gone(Run(plan(market, seal=777), None))
    assert again.hashes.by_partition() == whole.hashes.by_partition()


def test_a_run_that_is_stopped_and_resumed_ends_as_one_that_is_not(
    whole: Run, market: Path, tmp_path: Path
) -> None:
    first = Run(plan(market), tmp_path)
    assert not asyncio.run(first.go(stop=lambda: first.sources > 4_000))
    second = Run(plan(market), tmp_path)
    assert second.resume()
    gone(second)
    assert second.hashes.by_partition() == whole.hashes.by_partition()
    assert second.collected == whole.collected
    assert not Run(plan(market), tmp_path).resume()


def test_other_costs_change_fees_and_where_two_runs_part_is_shown(market: Path) -> None:
    cheap = plan(market, costs={"taker_rate": 0, "maker_rate": 0})
    run = gone(Run(cheap, None))
    assert summary.summarise(run.collected)["total"]["fees"] == 0
    found = asyncio.run(part(Run(plan(market), None), Run(cheap, None)))
    assert isinstance(found, Parting)
    assert found.first is not None and found.second is not None
    assert found.first[0].topic == found.second[0].topic == "risk.decisions"
    count = sum(running.records for running in run.hashes.streams.values())
    assert asyncio.run(part(Run(cheap, None), Run(cheap, None))) == count


def other_future(events: list[Event]) -> list[Event]:
    half = len(events) // 2
    return events[:half] + [
        msgspec.structs.replace(event, bid=event.bid + 50, ask=event.ask + 50)
        if isinstance(event, Quote)
        else msgspec.structs.replace(event, price=event.price + 50)
        for event in events[half:]
    ]


def no_future(events: list[Event]) -> list[Event]:
    return events[: len(events) // 2]


@pytest.mark.parametrize("change", [other_future, pytest.param(no_future, marks=pytest.mark.soak)])
def test_what_a_strategy_does_cannot_follow_from_the_future(
    events: list[Event], market: Path, tmp_path: Path, change: Change
) -> None:
    """It tries: each order's size is a digest of all that it can see. Yet what it did until then is the same."""
    until_ms = events[len(events) // 2].time // 10**6
    changed = write(tmp_path / market.name, change(events))
    runs = [plan(market, strategy=PEEKING), plan(changed, strategy=PEEKING)]
    ours, theirs = (outputs(run) for run in runs)
    assert ours != theirs
    before = [[each for each in of if each[1].timestamp_ms < until_ms] for of in (ours, theirs)]
    assert before[0] == before[1]
    topics = {stream.topic for stream, _ in before[0]}
    assert topics >= {"orders", "fills"}


def outputs(of: Manifest) -> list[Output]:
    async def collect() -> list[Output]:
        return [each async for batch in Run(of, None).batches() for each in batch]

    return asyncio.run(collect())


def test_results_are_written_as_json_parquet_and_a_page_that_needs_nothing_else(
    whole: Run, tmp_path: Path
) -> None:
    figures = summary.summarise(whole.collected)
    files.write(tmp_path, figures, whole.collected)
    assert json.loads((tmp_path / files.RESULTS).read_text())["total"]["fills"] > 0
    assert pq.read_table(tmp_path / files.TRADES).num_rows == len(whole.collected.trades)
    assert pq.read_table(tmp_path / files.EQUITY).column_names[:3] == [
        "time_ms",
        "account",
        "equity",
    ]
    text = page.write(tmp_path, "a <run>", figures, whole.collected).read_text()
    assert "a &lt;run&gt;" in text
    assert text.count("<svg") == 1
    assert not re.search(r"(src|href)=.https?:", text)
    assert page.write(tmp_path, "a <run>", figures, whole.collected).read_text() == text


def test_a_run_without_records_has_results_too(market: Path, tmp_path: Path) -> None:
    run = gone(Run(plan(market, until_ms=1), None))
    figures = summary.summarise(run.collected)
    assert figures["total"]["fills"] == 0
    files.write(tmp_path, figures, run.collected)
    page.write(tmp_path, "empty", figures, run.collected)


def test_the_command_names_a_run_repeats_it_and_compares_the_hashes(
    market: Path, tmp_path: Path
) -> None:
    words = ["replay", "--run", "first", "--data", str(tmp_path)]
    began = ["--path", str(market), "--strategy", OFTEN, "--param", "every=3"]
    first = CliRunner().invoke(cli.app, [*words, *began, "--to", "2000-01-01T00:00:00Z"])
    assert first.exit_code == 0, first.output
    again = CliRunner().invoke(cli.app, words)
    assert again.exit_code == 0, again.output
    assert "the same hashes" in again.output
    refused = CliRunner().invoke(cli.app, ["replay", "--run", "../x", "--data", str(tmp_path)])
    assert refused.exit_code == 64


@pytest.mark.soak
def test_a_sweep_runs_each_combination_as_a_run_of_its_own(
    whole: Run, market: Path, tmp_path: Path
) -> None:
    choices = tmp_path / "grid.json"
    choices.write_text('{"every": [3, 9]}')
    words = ["replay", "--run", "sweep", "--data", str(tmp_path), "--path", str(market)]
    done = CliRunner().invoke(
        cli.app,
        [*words, "--strategy", OFTEN, "--grid", str(choices), "--jobs", "2", "--folds", "2"],
    )
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "replays" / "sweep" / "grid.json").read_text())
    fills = {each["params"]["every"]: each["fills"] for each in told["trials"]}
    assert fills.keys() == {"3", "9"}
    assert fills["3"] == summary.summarise(whole.collected)["total"]["fills"]
