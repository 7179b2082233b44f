"""A training that is killed leaves a row that says so and nothing else; the next one makes what it would have made."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from tests.train.rows import MODEL, SECOND_NS, examples

pytestmark = [pytest.mark.batch, pytest.mark.crash, pytest.mark.soak, pytest.mark.timeout(500)]
HEADRACE = Path(sys.executable).parent / "headrace"
DEADLINE_S = 150.0


def select(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as sql:
        return sql.execute(query.encode()).fetchall()


def start(url: str, data: Path, path: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"HEADRACE_POSTGRES_URL": url, "HEADRACE_DATA": str(data)}
    command = [str(HEADRACE), "train", MODEL, str(path), "--source", "examples"]
    return subprocess.Popen(command, env=environment, start_new_session=True)


@pytest.mark.parametrize("after_s", [0.0, 2.0, 5.0])
def test_a_killed_training_is_known_and_the_next_one_succeeds(
    database: str, tmp_path: Path, after_s: float
) -> None:
    path = tmp_path / "examples.jsonl"
    rows = examples(8_600, step_ns=180 * SECOND_NS)
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
    killed = start(database, tmp_path, path)
    deadline = time.monotonic() + DEADLINE_S
    while not select(database, "SELECT FROM train_runs WHERE state = 'running'"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(after_s)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert select(database, "SELECT FROM model_versions") == []
    assert select(database, "SELECT state FROM train_runs") == [("running",)]

    assert start(database, tmp_path, path).wait(timeout=DEADLINE_S) == 0
    states = select(database, "SELECT state FROM train_runs ORDER BY queued_at")
    assert states == [("interrupted",), ("succeeded",)]
    assert len(select(database, "SELECT FROM model_versions")) == 2
