"""A replay of ten million events takes no more memory than one of two million."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api.replay.market_files import MarketFiles
from streams.feeds.reference import SIMULATED
from streams.messages import Quote

EVENTS, WARM = 10_000_000, 2_000_000
SYMBOLS = SIMULATED[:8]
STEP_NS = 250_000
"""Of event time between two quotes: 500 a second of each symbol."""

START_NS = 1_767_225_600_000_000_000
GROWTH_MAX = 48 << 20
BATCH = 50_000


def write(directory: Path) -> None:
    with MarketFiles(directory, {each.symbol: each for each in SYMBOLS}) as out:
        for first in range(0, EVENTS, BATCH):
            out.write([quote(number) for number in range(first, first + BATCH)])


def quote(number: int) -> Quote:
    turn, place = divmod(number, len(SYMBOLS))
    time, bid = START_NS + number * STEP_NS, 10_000 + turn // 40 % 50
    return Quote(
        symbol=SYMBOLS[place].symbol,
        bid=bid,
        ask=bid + 1 + turn % 3,
        bid_size=100 + turn % 7,
        ask_size=100 + turn % 11,
        time=time,
        received=time,
        sequence=number,
        source="made",
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_million_events_are_replayed_in_bounded_memory(tmp_path: Path) -> None:
    write(tmp_path)
    argv = [sys.executable, "-m", "tests.replay.long_run", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[-1][0] >= EVENTS
    settled = max(rss for records, rss in told if records <= WARM)
    most = max(rss for _, rss in told)
    print(f"{told[-1][0]:,} records: {settled >> 20} MB after {WARM:,}, {most >> 20} MB at most")
    assert most - settled < GROWTH_MAX
