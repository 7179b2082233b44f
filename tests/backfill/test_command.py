"""`headrace backfill` as a person runs it, with Great Expectations, against a venue on loopback."""

import asyncio
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.demo.venue import Venue, listening
from tests.backfill import faults
from tests.backfill.faults import said, status
from tests.backfill.scene import past, rows

RANGE = ("--from", "2024-01-01", "--to", "2024-01-03")


async def headrace(database: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `headrace backfill`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "backfill", *arguments),
        env=os.environ | {"HEADRACE_POSTGRES_URL": database, "HEADRACE_DATA": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def kraken(url: str, *more: str) -> tuple[str, ...]:
    return (
        "kraken",
        "BTC/USD.KRAKEN",
        "--interval",
        "1h",
        "--base-url",
        url,
        "--rate",
        "1000",
        *more,
    )


@pytest.mark.quality
def test_a_backfill_is_fetched_judged_stored_and_told(database: str, tmp_path: Path) -> None:
    """Of two chunks one lacks a trade: it is told and not stored; the other one's page says what was checked."""
    hole = said(faults.holed)

    async def run() -> tuple[int, str, str]:
        async with listening(Venue(past(), faults={0: hole, 1: hole})) as venue:
            return await headrace(database, tmp_path, *kraken(venue.url, *RANGE), "--json")

    code, output, errors = asyncio.run(run())
    assert (code, "contiguous trades" in errors) == (3, True), errors
    told = json.loads(output)
    assert told["chunks"] == {"quarantined": 1, "loaded": 1}
    assert (told["state"], told["rows_changed"]) == ("partial", 24)
    assert "chunk 1" in Path(urlsplit(told["pages"]).path).read_text()
    checked = "SELECT chunk, bool_and(held), count(*) > 20 FROM quality_results GROUP BY chunk ORDER BY chunk"
    assert rows(database, checked) == [(0, False, False), (1, True, True)]
    assert rows(database, "SELECT count(*), min(ts)::date::text FROM bars") == [(24, "2024-01-02")]


def test_what_cannot_be_done_is_a_sentence_and_a_code(database: str, tmp_path: Path) -> None:
    asked = [
        (("coingecko", "BTC/USD.KRAKEN", *RANGE), 64, "too_coarse"),
        (("kraken", "BTC/USD.KRAKEN"), 64, "--from"),
        (("coingecko", "ABC/USD.KRAKEN", "--interval", "1d", *RANGE), 64, "--coin"),
        (("kraken", "BTC/USD.KRAKEN", *RANGE, "--resume", "nothing"), 1, "no run nothing"),
    ]
    for arguments, code, sentence in asked:
        got, output, errors = asyncio.run(headrace(database, tmp_path, *arguments))
        assert (got, sentence in output + errors) == (code, True), (arguments, output, errors)


def test_a_source_that_refuses_ends_it_with_1(database: str, tmp_path: Path) -> None:
    async def run() -> tuple[int, str, str]:
        refusing = status(403, body=b"go away")
        async with listening(Venue(past(), faults={0: refusing})) as venue:
            return await headrace(database, tmp_path, *kraken(venue.url, *RANGE))

    code, output, errors = asyncio.run(run())
    assert (code, "go away" in output) == (1, True), errors


def test_a_plan_is_told_without_a_request(tmp_path: Path) -> None:
    code, output, _ = asyncio.run(
        headrace("", tmp_path, "kraken", "BTC/USD.KRAKEN", *RANGE, "--dry-run", "--json")
    )
    assert code == 0
    assert [(row["from"][:10], row["bars"]) for row in json.loads(output)] == [
        ("2024-01-01", 24),
        ("2024-01-02", 24),
    ]
