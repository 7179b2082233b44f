"""`headrace demo` as a person runs it; the whole table is played in soak, one scenario in every run."""

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands import demo
from api.demo.outcome import Messages
from api.demo.scenario import scenarios
from streams.exits import Exit

NOTHING: Messages = {topic: [] for topic in demo.READ}


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["demo", *words], catch_exceptions=False)
    return result.exit_code, result.output


def test_an_unknown_scenario_is_refused_by_name() -> None:
    code, _ = invoke("brackets", "--only", "99")
    assert code == Exit.USAGE


def test_a_scenario_that_comes_out_otherwise_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_chosen: object) -> Messages:
        return NOTHING

    monkeypatch.setattr(demo, "_play", nothing)
    code, told = invoke("brackets", "--only", "1,13")
    assert code == demo.DIFFERENT
    assert told.count("DIFFERENT") == 2
    assert "0 of 2 scenarios" in told


@pytest.mark.kafka
def test_a_scenario_through_kafka_comes_out_as_published() -> None:
    code, told = invoke("brackets", "--only", "4")
    assert (code, "1 of 1 scenarios" in told) == (0, True), told


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_every_scenario_through_kafka_comes_out_as_published() -> None:
    code, told = invoke("brackets")
    assert (code, f"{len(scenarios())} of {len(scenarios())} " in told) == (0, True), told
