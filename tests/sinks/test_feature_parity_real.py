"""The whole recorded market through a running system: four ways to each vector, the same bits, also after a loss."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from api.supervisor import directory
from api.supervisor.services import FEED_SUMMARY
from tests.feeds.shared import market_data

pytestmark = [
    pytest.mark.feast,
    pytest.mark.realdata,
    pytest.mark.soak,
    pytest.mark.timeout(600),
]
HEADRACE = [sys.executable, "-m", "api.cli"]
FEED_S = 240.0
VECTORS_MIN = 10_000


@contextmanager
def running(data: Path) -> Iterator[None]:
    """The system over the whole recording, with the feature store; the feature sink is killed in the middle."""
    words = ["up", "--data", str(data), "--feed", "file", "--path", str(market_data())]
    words += ["--speed", "max", "--strategy", "none", "--no-view", "--features"]
    said = data.with_suffix(".txt")
    with (
        said.open("w") as out,
        subprocess.Popen([*HEADRACE, *words], stdout=out, stderr=out) as system,
    ):
        try:
            kill_sink(psutil.Process(system.pid))
            until((data / FEED_SUMMARY).exists, "the end of the feed")
            assert system.poll() is None, said.read_text()
            yield
        finally:
            system.send_signal(signal.SIGINT)
            system.wait(30)


def kill_sink(system: psutil.Process) -> None:
    """As soon as the feature sink's process has had the time to push something."""

    def sinks() -> list[psutil.Process]:
        return [
            child
            for child in system.children(recursive=True)
            if words(child)[-3:-1] == ["sink", "features"]
        ]

    until(lambda: bool(sinks()), "a feature sink")
    time.sleep(15)
    until(lambda: bool(sinks()), "a feature sink still")
    sinks()[0].kill()


def words(child: psutil.Process) -> list[str]:
    """Its command line; none once it has ended."""
    try:
        return list(child.cmdline())
    except psutil.Error:
        return []


def until(true: Any, what: str) -> None:
    end = time.monotonic() + FEED_S
    while not true():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.5)


def command(data: Path, *words: str) -> str:
    """A command on the running system; it must succeed."""
    ended = subprocess.run(
        [*HEADRACE, *words, "--data", str(data)], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def parity(data: Path) -> dict[str, Any]:
    report = data / "parity.json"
    print(command(data, "verify", "features", "--sample", "0", "--report", str(report)))
    found: dict[str, Any] = json.loads(report.read_text())[0]
    return found


def test_every_vector_of_the_recorded_market_is_the_same_four_ways_also_after_a_rebuild(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with running(data):
        found = parity(data)
        assert found["rows"]["log"] == found["rows"]["recomputed"] > VECTORS_MIN
        assert found["compared"]["offline"] == found["rows"]["log"]
        assert found["mismatches"] == 0
        run = directory.running(data)
        assert run is not None
        redis.Redis.from_url(run.redis_url).flushdb()
        with psycopg.connect(run.postgres_url, autocommit=True) as sql:
            sql.execute("DROP SCHEMA feast CASCADE")
        print(command(data, "sink", "features", "--rebuild"))
        assert parity(data) | {"rows": None} == found | {"rows": None}
