"""`headrace up --scenario drift` as a person runs it: who learns the new market is promoted, then rolled back."""

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from api.supervisor.directory import running

MODEL = "up1s.micro.all"
COMMAND = [sys.executable, "-P", "-m", "api.cli"]
PROMOTED_S, REPORT_S = 260.0, 200.0


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_a_market_that_turns_promotes_who_learned_it_and_a_command_takes_it_back(
    tmp_path: Path,
) -> None:
    data, report = tmp_path / "d", tmp_path / "r.json"
    told = ["--feed", "synthetic", "--scenario", "drift", "--seed", "7", "--for", "180s"]
    up = subprocess.Popen(
        [*COMMAND, "up", *told, "--report", str(report), "--data", str(data), "--no-view"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        champion = _promoted(data)
        assert champion != "prior"
        back = subprocess.run(
            [*COMMAND, "promote", MODEL, "--to", "prior", "--yes", "--data", str(data)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert back.returncode == 0, back.stdout + back.stderr
        assert "rollback, prior serves" in back.stdout
        shown = subprocess.run(
            [*COMMAND, "models", "list", "--json", "--data", str(data)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = [line for line in json.loads(shown.stdout) if line["model"] == MODEL]
        assert lines[0]["champion"] == "prior"
        output = up.communicate(timeout=REPORT_S)[0]
        assert up.returncode == 0, output
    finally:
        up.kill()
    found = json.loads(report.read_text())
    assert found["promotions"] >= 1
    assert found["rollbacks"] == 1
    assert "labels_min=200" in found["promotion"]


def _promoted(data: Path) -> str:
    """The champion once the gate has promoted one."""
    until = time.monotonic() + PROMOTED_S
    while time.monotonic() < until:
        run = running(data)
        try:
            if run is not None and run.promotion_url:
                status = httpx.get(f"{run.promotion_url}/status", timeout=2.0).json()
                if status.get("swaps", {}).get("promote"):
                    return str(status["models"][MODEL]["alias"]["champion"])
        except httpx.HTTPError:
            pass  # it starts, or has other work
        time.sleep(1.0)
    raise AssertionError("nobody was promoted")
