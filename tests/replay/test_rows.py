"""Rows of the history are compared with records: by place, and by what they say."""

from decimal import Decimal

import pytest

from api.report import rows as report_rows
from api.verify import database
from api.verify.database import TABLES
from sinks.rows import TABLES as HISTORY

FILLS = next(stored for stored in TABLES if stored.topic == "fills")
ROW = ("f1", "o1", "paper", "BTC/USD.SIM", "buy", "0.50", "100", "50", "0.05", "taker")
STORED = (*ROW[:5], Decimal("0.5"), Decimal(100), Decimal(50), Decimal("0.050"), "taker")
PLACE = (2, 17)


def details(
    expected: dict[tuple[int, int], object], rows: dict[tuple[int, int], object]
) -> list[str]:
    return [v.detail for v in database._differences(FILLS, expected, rows)]  # type: ignore[arg-type]  # made rows


def test_equal_rows_are_equal_however_a_number_is_written() -> None:
    assert details({PLACE: ROW}, {PLACE: STORED}) == []


def test_a_missing_a_foreign_and_a_changed_row_are_named_by_place() -> None:
    assert details({PLACE: ROW}, {}) == ["fills[2]@17 is not in the table fills"]
    assert details({}, {PLACE: STORED}) == ["fills[2]@17 is not in the topic"]
    changed = (*STORED[:5], Decimal("0.51"), *STORED[6:])
    (found,) = details({PLACE: ROW}, {PLACE: changed})
    assert found.startswith("fills[2]@17: the topic has")


def test_a_row_whose_record_compaction_has_removed_is_no_fault() -> None:
    marks = next(stored for stored in TABLES if stored.topic == "market.marks")
    assert not list(database._differences(marks, {}, {PLACE: STORED}))
    (missing,) = database._differences(marks, {PLACE: ()}, {})
    assert missing.detail == "market.marks[2]@17 is not in the table marks"


@pytest.mark.parametrize(
    ("topic", "rows", "agree"),
    [
        ("fills", 3, True),
        ("fills", 4, False),
        ("market.marks", 4, True),
        ("market.marks", 2, False),
    ],
)
def test_a_table_may_have_more_rows_than_a_compacted_topic_has_records(
    topic: str, rows: int, agree: bool
) -> None:
    table = next(table for table in HISTORY if table.topic.name == topic)
    assert report_rows.agree(table, rows, 3) is agree


@pytest.mark.parametrize(
    ("stored", "told", "same"),
    [(None, "", True), (None, None, True), ("", "", True), (None, "1", False), ("a", "b", False), (3, 3, True),
     ("a␀b", "a\0b", True), ("a", "a\0b", False), (0.1, 0.1, True), (0.1, 0.2, False)],
)  # fmt: skip
def test_an_absent_field_is_null_or_empty(stored: object, told: object, same: bool) -> None:
    assert database._same(stored, told) is same
