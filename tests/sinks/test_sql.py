"""The ten questions of docs/sql.md and the panels of the boards, asked on TimescaleDB and on plain PostgreSQL."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from streams import control
from streams.topics import CONTROL, DEAD_LETTERS, DECISIONS, LABELS, PREDICTIONS, Topic
from tests.sinks.messages import (
    CAUSE,
    EVENTS,
    FILLS,
    MARKS,
    POSITIONS,
    START_MS,
    TRADES,
    dead_letter,
    decision,
    fill,
    instrument,
    label,
    mark,
    order_event,
    position,
    prediction,
    trade,
)
from tests.sinks.stored import select, store
from tests.watch.board_files import queries

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"
SYMBOL = "BTC/USD.KRAKEN"
LIMITS = control.encode(control.Limits(account="paper", order_notional_max="100"))
REJECTED: dict[str, Any] = {"outcome": "rejected", "reason": "ORDER_NOTIONAL", "limits_version": 1}

HISTORY: dict[Topic, Sequence[object]] = {
    CONTROL: [instrument("0.1"), LIMITS],
    TRADES: [trade(0), trade(1), trade(7), trade(3)],
    MARKS: [mark(0), mark(1_200_000)],
    DECISIONS: [
        decision(1, marks=((SYMBOL, CAUSE, 1_200_000, 12),), resolved_qty="0.5"),
        decision(2, **REJECTED, detail="200 > 100", nav="1000"),
        decision(2, outcome="duplicate", reason="ORDER_NOTIONAL"),
        decision(3, **REJECTED),
    ],
    EVENTS: [order_event(1), order_event(1, "FILLED", rev=2, type="FILLED", filled="0.5")],
    FILLS: [fill(1, order_id="o1", price="60006", notional="30003", fee="30.003")],
    POSITIONS: [position(1), position(2)],
    PREDICTIONS: [prediction(0, 0.75), prediction(1, None)],
    LABELS: [label(0, 1, 0.75), label(1, None, None), label(2, 0, 0.75)],
}

START = datetime.fromtimestamp(START_MS / 1000, UTC)


def at(offset: int) -> datetime:
    """The time of the record at this offset of its topic."""
    return START + timedelta(milliseconds=offset)


def questions() -> list[tuple[str, str]]:
    """Each query with the heading it stands under."""
    found, heading = [], ""
    for block in re.finditer(r"^## ([^\n]+)$|^```sql\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        heading = block[1] or heading
        if block[2]:
            found.append((heading, block[2]))
    return found


@pytest.fixture(scope="module", params=["timescale", "postgres"])
def history(request: pytest.FixtureRequest) -> str:
    """A database with the small history."""
    if request.param == "timescale":
        server = request.getfixturevalue("timescale_server")
        server.empty()
        url = str(server.url)
    else:
        url = str(request.getfixturevalue("plain_history"))
    for topic, messages in HISTORY.items():
        store(url, topic, messages)
    return url


def test_the_page_has_ten_questions() -> None:
    assert len({heading for heading, _ in questions()}) == 10


def test_each_question_has_its_answer(history: str) -> None:
    for (heading, query), answer in zip(questions(), ANSWERS, strict=True):
        assert [_plain(row) for row in select(history, query)] == answer, heading


def test_each_sql_panel_of_the_boards_returns_rows(history: str) -> None:
    """Here, since this history is there already; what it lacks is written first."""
    worth = msgspec.structs.replace(position(3), account="worth", equity="990", exposure="495")
    store(history, POSITIONS, [worth, worth], first=2)
    store(history, DEAD_LETTERS, [dead_letter(1)])
    with psycopg.connect(history, autocommit=True) as connection:
        for statement in MORE:
            connection.execute(statement.encode())
    panels = [query for query in queries() if query.is_sql]
    assert len(panels) >= 14
    empty = [panel.panel for panel in panels if not select(history, expanded(panel.text))]
    assert empty == []


MORE = (
    "INSERT INTO runs (run_id, kind, state, config, ended_at) VALUES ('r1', 'replay', 'succeeded', '{}', now())",
    "INSERT INTO train_runs (run_id, model, trigger, state, config, config_sha256, provenance)"
    " VALUES ('t1', 'micro', 'manual', 'running', '{}', 'ab', '{}')",
    "INSERT INTO run_tracker (run_id, step, row_count, sha256) VALUES ('r1', 'fills[0]', 5, 'ab')",
    "INSERT INTO run_equity VALUES ('r1', now(), 'paper', 990, 495, 0)",
    "INSERT INTO model_decisions (model, action, champion, candidate, event_ns, evidence, decided_by, reason)"
    " VALUES ('micro', 'promote', 'v1', 'v2', 1, '{}', 'gate', 'better')",
)


def expanded(panel: str) -> str:
    """As Grafana's data source sends it, over all the history."""
    first, last = "timestamptz '2000-01-01 00:00:00Z'", "timestamptz '2100-01-01 00:00:00Z'"
    macros = {
        "$__timeFilter(ts)": f"ts BETWEEN {first} AND {last}",
        "$__timeFrom()": first,
        "$__timeTo()": last,
        "$__interval": "1m",
        "$order": "c1",
    }
    for macro, text in macros.items():
        panel = panel.replace(macro, text)
    return panel


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A JSON document by the one field that the history gives it."""
    return tuple(v["order_notional_max"] if isinstance(v, dict) else v for v in row)


ANSWERS: list[list[tuple[Any, ...]]] = [
    [
        (at(1), "rejected", "ORDER_NOTIONAL", "200 > 100", D(1000), None, None, "100"),
        (at(2), "duplicate", "ORDER_NOTIONAL", "", D(100_000), None, None, None),
    ],
    [
        (at(0), "decision", "accepted", 0, D("0.5"), None, ""),
        (at(0), "ACCEPTED", "WORKING", 1, D(0), None, ""),
        (at(0), "fill", "taker", 999_999, D("0.5"), D(60_006), "quote"),
        (at(1), "FILLED", "FILLED", 2, D("0.5"), None, ""),
    ],
    [(START, SYMBOL, 1, D("30003.00"), D("1.00"))],
    # 2.5 at 60000.1, marked at 1_200_020 half ticks = 60001
    [("paper", SYMBOL, D("2.5"), D(0), D("78.00013"), D("-78.00013"), D("2.25"))],
    [(START, SYMBOL, "buy", D(60_006), "micro", "v1", 0.75, "", timedelta(0), 1, None)],
    # -ln 0.75 and -ln 0.25; 0.25 squared and 0.75 squared
    [(START, "micro", "up1s", 2, 1, 2, D("0.5"), D("0.5"), D("0.837"), D("0.313"))],
    [(START, 1, 2, 1, 1, 0, 0, 1, D(30_003))],
    [("ORDER_NOTIONAL", 2)],
    # ticks 100000, 100001, 100007 and 100003 in the log, the third the latest by event time
    [(START, D(10_000), D("10000.7"), D(10_000), D("10000.7"), D("0.002"), D("10000.275"), 4)],
    [("paper", "taker", 1, D(30_003), D("30.003"), D(10))],
    [(SYMBOL, D("1.5"), D("60000.1"), D(99_999), D(0), START)],
]
"""In the order of the page's queries."""
