import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api import feeding
from api.cli import app
from api.commands.up import seconds_of
from api.ending import Ended
from api.feeding import Feed, FeedPlan
from api.supervisor.directory import DataDirectory
from api.supervisor.plan import UpPlan
from api.supervisor.services import Services
from streams.settings import Settings


def _headrace(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60.0), ("60s", 60.0), ("5m", 300.0), ("1.5h", 5400.0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-1s", "0", "soon", "1e3", "5 m", "nan"])
def test_a_wrong_duration_is_a_wrong_use(text: str) -> None:
    with pytest.raises(Ended) as ended:
        seconds_of(text)
    assert ended.value.code == 64


def test_a_report_needs_an_end() -> None:
    result = _headrace("up", "--feed", "synthetic", "--report", "r.json")
    assert result.exit_code == 64
    assert "--report needs --for" in result.output


def test_a_wrong_option_exits_64() -> None:
    command = [sys.executable, "-m", "api.cli", "up", "--feed", "bloomberg"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 64
    assert "bloomberg" in result.stderr


def test_wrong_settings_exit_78() -> None:
    command = [sys.executable, "-m", "api.cli", "topics", "show"]
    environment = {"HEADRACE_PARTITIONS": "none", "PATH": ""}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 78
    assert "settings: partitions" in result.stderr


@pytest.mark.parametrize(
    "plan",
    [
        FeedPlan(Feed.FILE),
        FeedPlan(Feed.FILE, path=Path("no-such-directory")),
        FeedPlan(Feed.SYNTHETIC, symbols=("GOLD/USD.SIM",)),
        FeedPlan(Feed.SYNTHETIC, speed="-1"),
    ],
)
def test_a_feed_that_cannot_be_is_refused_with_a_sentence(plan: FeedPlan) -> None:
    with pytest.raises(Ended, match=f"feed {plan.feed.value}: ") as ended:
        asyncio.run(feeding.open_source(plan))
    assert ended.value.code == 65


def test_symbols_are_named_whole_or_by_their_pair() -> None:
    named = feeding.simulated(("BTC/USD", "ETH/USD.SIM"))
    assert [instrument.symbol for instrument in named] == ["BTC/USD.SIM", "ETH/USD.SIM"]
    assert len(feeding.simulated(())) > 2


def test_a_plan_becomes_the_command_line_of_the_feed() -> None:
    plan = FeedPlan(Feed.SYNTHETIC, speed="max", seed=7, symbols=("BTC/USD.SIM", "ETH/USD.SIM"))
    line = plan.arguments()
    assert line[:5] == ["synthetic", "--speed", "max", "--seed", "7"]
    assert line[line.index("--symbols") + 1] == "BTC/USD.SIM,ETH/USD.SIM"


def _services(tmp_path: Path, *, lockstep: bool) -> Services:
    plan = UpPlan(FeedPlan(Feed.SYNTHETIC, seed=7), seconds=5.0, lockstep=lockstep)
    settings = Settings(brokers="b:1", postgres_url="postgresql://p", redis_url="redis://r")
    with DataDirectory(tmp_path / str(lockstep)) as data:
        data.settle_partitions(None, default=4)
        return Services(data, settings, plan)


def test_only_a_lockstep_feed_must_not_begin_anew(tmp_path: Path) -> None:
    assert _services(tmp_path, lockstep=True).feed.once
    assert not _services(tmp_path, lockstep=False).feed.once
    assert not _services(tmp_path, lockstep=True).worker.once


def test_services_stop_from_the_source_down(tmp_path: Path) -> None:
    services = _services(tmp_path, lockstep=False)
    assert [service.name for service in services.all] == [
        "feed",
        "worker",
        "promotion",
        "sink",
        "api",
    ]
