"""Outputs that a run keeps as files are those that it led to, once each, stopped and resumed or not."""

import asyncio
from pathlib import Path

from api.replay.hashes import Stream, Written
from api.replay.kept import KeptOutputs, path_of
from api.replay.stretch import CellName

NAMES = ("examples", "predictions")


def outputs(*values: str, topic: str = "examples") -> list[tuple[Stream, Written]]:
    stream = Stream(CellName("learner", 0), topic, 0)
    return [(stream, Written(b"k", value.encode(), 0, b"")) for value in values]


def keep(directory: Path, *values: str, resumed: bool) -> None:
    with KeptOutputs(directory, NAMES, resumed=resumed) as kept:
        asyncio.run(kept.take(outputs(*values)))
        asyncio.run(kept.take(outputs("features", topic="features")))


def test_a_run_that_was_stopped_and_resumed_keeps_each_output_once(tmp_path: Path) -> None:
    keep(tmp_path, "a", "b", resumed=False)
    with path_of(tmp_path, "examples").open("a") as file:
        file.write("what a run that was killed wrote after it was stopped last\n")
    keep(tmp_path, "c", resumed=True)
    assert path_of(tmp_path, "examples").read_text() == "a\nb\nc\n"
    assert path_of(tmp_path, "predictions").read_text() == ""
    assert not path_of(tmp_path, "features").exists()


def test_a_run_that_begins_again_keeps_nothing_of_the_one_before(tmp_path: Path) -> None:
    keep(tmp_path, "a", "b", resumed=False)
    keep(tmp_path, "c", resumed=False)
    assert path_of(tmp_path, "examples").read_text() == "c\n"
