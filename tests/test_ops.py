"""The ops port: probes that say which check failed, metrics and status, from a thread of their own."""

from collections.abc import Iterator

import httpx
import pytest

from agents.health import BEAT_SECONDS_MAX, Beat
from agents.metrics import Metrics
from agents.ops import OpsServer, Probes

STATE = {"assigned": False}


def broken() -> bool:
    raise RuntimeError("secret")


@pytest.fixture
def ops() -> Iterator[httpx.Client]:
    probes = Probes(
        exposition=Metrics().exposition,
        status=lambda: {"role": "test"},
        live={"loop": lambda: True},
        ready={"assigned": lambda: STATE["assigned"], "history": lambda: True},
    )
    server = OpsServer(probes)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    server.stop()


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/livez", 200, "ok\n"),
        ("/livez?verbose", 200, "[+]loop ok\nok\n"),
        ("/readyz", 503, "[-]assigned failed\n"),
        ("/readyz?verbose", 503, "[-]assigned failed\n[+]history ok\n"),
        ("/readyz?exclude=assigned", 200, "ok\n"),
        ("/readyz/history", 200, "ok\n"),
        ("/readyz/assigned", 503, "[-]assigned failed\n"),
        ("/readyz/other", 404, "no such check\n"),
        ("/other", 404, "not found\n"),
        ("/metrics/x", 404, "not found\n"),
    ],
)
def test_a_probe_says_what_failed(ops: httpx.Client, target: str, status: int, text: str) -> None:
    answer = ops.get(target)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["cache-control"] == "no-store"


def test_readiness_follows_its_checks(ops: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATE, "assigned", True)
    assert ops.get("/readyz").status_code == 200


def test_metrics_and_status_are_served(ops: httpx.Client) -> None:
    assert "headrace_events_total" in ops.get("/metrics").text
    assert ops.get("/status").json() == {"role": "test"}


def test_only_get_is_served(ops: httpx.Client) -> None:
    assert ops.post("/status").status_code == 501


def test_a_check_that_breaks_is_500_without_its_text() -> None:
    server = OpsServer(Probes(Metrics().exposition, dict, live={"loop": broken}))
    server.start()
    try:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/livez")
        assert (answer.status_code, answer.text) == (500, "internal error\n")
    finally:
        server.stop()


def test_a_loop_that_stands_still_for_ten_seconds_is_not_alive() -> None:
    now = [0.0]
    beat = Beat(clock=lambda: now[0])
    now[0] += BEAT_SECONDS_MAX - 0.1
    assert beat.is_young()
    now[0] += 0.2
    assert not beat.is_young()
    beat.strike()
    assert beat.is_young()


def test_what_was_ready_once_has_started_for_ever() -> None:
    holds = {"restored": False}
    probes = Probes(lambda _: (b"", ""), dict, ready={"restored": lambda: holds["restored"]})
    assert probes.answer("/startupz", "")[0] == 503
    holds["restored"] = True
    assert probes.answer("/startupz/restored", "")[0] == 200
    holds["restored"] = False
    assert (probes.answer("/startupz", "")[0], probes.answer("/readyz", "")[0]) == (200, 503)
