"""Dead letters by command: listed, shown with their bytes, sent again once, and written to files."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api import dead_letters
from api.cli import app
from api.dead_letter_replay import replay
from api.dead_letters import Filter, Letter
from api.producing import producer, send
from streams import codec, log, topics
from streams.ids import Ref
from streams.messages import DeadLetter

VALUE = b'{"v": 1, "cmd": "new", \xff'


def letter(reason: str, *, value: bytes = VALUE, length: int | None = None) -> DeadLetter:
    return DeadLetter(
        origin=Ref("orders", 0, 7),
        timestamp_ms=1_767_225_600_000,
        reason=reason,
        error="no [/JSON]",
        sha256="00",
        length=len(value) if length is None else length,
        key=b"paper",
        value=value,
        group="account",
        headers=(("stamp", b"old"), ("client", b"curl")),
    )


def headrace(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dlq", *arguments])


@pytest.fixture
def brokers(catalogue: tuple[str, int]) -> str:
    return catalogue[0]


@pytest.fixture
def reason(brokers: str) -> str:
    """A reason code that no other test uses, with one letter under it."""
    code = f"TEST_{time.time_ns()}"
    _write(brokers, letter(code))
    return code


def _write(brokers: str, message: DeadLetter) -> None:
    async def write() -> None:
        async with producer(brokers) as to:
            await send(to, topics.DEAD_LETTERS, "orders:0", codec.encode(message))

    asyncio.run(write())


def _one(brokers: str, reason: str) -> Letter:
    async def read() -> list[Letter]:
        return [found async for found in dead_letters.read(brokers, Filter(reason=reason))]

    (found,) = asyncio.run(read())
    return found


def _sent_again(brokers: str, name: str) -> list[log.Record]:
    records = asyncio.run(log.read_all(brokers, "orders"))
    return [r for r in records if ("dead_letter", name.encode()) in r.headers]


def test_letters_are_listed_by_their_filters(brokers: str, reason: str) -> None:
    found = headrace("list", "--reason", reason, "--json", "--brokers", brokers)
    shown = json.loads(found.output)
    assert (shown["origin"]["topic"], shown["origin"]["offset"]) == ("orders", 7)
    assert "value" not in shown
    for option, other in (
        ("--topic", "fills"),
        ("--group", "symbol"),
        ("--partition", "1"),
        ("--since", "2026-01-02"),
        ("--until", "2025-12-31"),
    ):
        none = headrace("list", "--reason", reason, option, other, "--json", "--brokers", brokers)
        assert (none.exit_code, none.output) == (0, "")


def test_a_table_shows_foreign_text_as_it_is(brokers: str, reason: str) -> None:
    found = headrace("list", "--reason", reason, "--brokers", brokers)
    assert (found.exit_code, "no [/JSON]" in found.output) == (0, True)
    assert "orders[0]@7" in found.output


def test_a_letter_is_shown_with_its_bytes_and_headers(brokers: str, reason: str) -> None:
    name = _one(brokers, reason).name
    shown = json.loads(headrace("show", name, "--brokers", brokers).output)
    assert shown["key"]["text"] == "paper"
    assert "text" not in shown["value"]
    assert [header for header, _ in shown["headers"]] == ["stamp", "client"]
    assert headrace("show", "0:999999999", "--brokers", brokers).exit_code == 65
    assert headrace("show", "everything", "--brokers", brokers).exit_code == 2


def test_replaying_twice_sends_once_and_says_where_it_went(brokers: str, reason: str) -> None:
    name = _one(brokers, reason).name
    first = headrace("replay", name, "--note", "fixed", "--brokers", brokers)
    assert (first.exit_code, "1 sent, 0 not" in first.output) == (0, True)
    second = headrace("replay", name, "--brokers", brokers)
    assert second.exit_code == 65
    assert "was sent again already" in second.output
    (record,) = _sent_again(brokers, name)
    assert f"{name} sent again: orders[0]@{record.offset}" in first.output
    assert (record.partition, record.key, record.value) == (0, b"paper", VALUE)
    assert record.headers == (("client", b"curl"), ("dead_letter", name.encode()))
    assert abs(record.timestamp_ms - time.time() * 1000) < 60_000
    (marker,) = _one(brokers, reason).replays
    assert (marker.to, marker.note) == (Ref("orders", 0, record.offset), "fixed")
    forced = headrace("replay", name, "--again", "--brokers", brokers)
    assert forced.exit_code == 0
    assert len(_sent_again(brokers, name)) == 2


def test_two_replays_at_once_send_once(brokers: str, reason: str) -> None:
    async def race() -> None:
        wanted = Filter(reason=reason)
        await asyncio.gather(
            *(replay(brokers, "race", wanted, by="test") for _ in range(3)),
            return_exceptions=True,  # the fenced ones fail
        )
        await replay(brokers, "race", wanted, by="test")

    asyncio.run(race())
    assert len(_sent_again(brokers, _one(brokers, reason).name)) == 1


def test_a_letter_with_a_part_of_its_value_is_sent_only_if_its_origin_has_the_rest(
    brokers: str,
) -> None:
    code = f"TEST_{time.time_ns()}"
    _write(brokers, letter(code, length=100_000))
    result = headrace("replay", "--all", "--reason", code, "--brokers", brokers)
    assert result.exit_code == 65
    assert "holds a part" in result.output


def test_all_letters_of_a_filter_are_exported(brokers: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    headrace("export", str(file), "--reason", reason, "--brokers", brokers)
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["value"]["base64"]
