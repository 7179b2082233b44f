"""Crash points: a test that names one that is not there must not wait in vain, and production has none."""

import asyncio

import pytest

from agents import sink
from sinks.history import CRASH_POINTS
from streams import crash
from streams.exits import Exit
from streams.settings import Settings


@pytest.mark.parametrize("setting", ["sink_row:1", "sink_rows", "sink_rows:", "sink_rows:x"])
def test_a_point_that_is_not_there_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        crash.at(setting, CRASH_POINTS)


def test_a_process_dies_at_the_passage_asked_for_and_at_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    died: list[int] = []
    monkeypatch.setattr("os._exit", died.append)
    passage = crash.at("sink_rows:2", CRASH_POINTS)
    for point in ("sink_fenced", "sink_rows", "sink_fenced", "sink_fenced"):
        passage(point)
    assert died == []
    passage("sink_rows")
    assert died == [crash.KILLED]


def test_production_does_not_start_with_a_crash_point() -> None:
    settings = Settings(postgres_url="postgresql://x", crash="sink_rows:1", profile="production")
    assert asyncio.run(sink.run(settings, asyncio.Event())) == Exit.SETTINGS


@pytest.mark.parametrize("name", ["HEADRACE_REQUIRE_TIMESCALE", "HEADRACE_REQUIRE_TIMESCALEDB"])
def test_timescaledb_is_required_by_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not Settings().require_timescale
    monkeypatch.setenv(name, "1")
    assert Settings().require_timescale
