"""What one bad record does to a chunk: a dead letter in the same transaction, or nothing of the chunk at all."""

import hashlib
from dataclasses import replace

import pytest

from agents.fold import DEAD_VALUE_BYTES, Cell, HandlerFailed, Sent
from agents.group import Group, Input
from agents.handler import Event, Output
from streams import codec, topics
from streams.ids import Ref
from streams.messages import DeadLetter, Mark
from tests.transport.demo import DEMO, EMPTIES, FAILS, OVERSIZE, UNDECLARED, DemoTables, on_quote
from tests.transport.dict_run import DictRun, sums
from tests.transport.records import BASE_MS, Record, accepted, quote

STRICT = replace(
    DEMO, inputs=(Input(topics.QUOTES, (on_quote,), (topics.FEATURES,), on_error="stop"),)
)
BAD = {
    "not JSON": (b"{", "NOT_JSON"),
    "not UTF-8": (b"\xff\xfe", "NOT_JSON"),
    "empty": (b"", "NOT_JSON"),
    "a wrong type": (b'{"symbol":7}', "BAD_FIELD"),
    "nested too deep": (b'{"more":' + b"[" * 100_000, "NOT_JSON"),
}


def letters(sent: list[Sent]) -> list[DeadLetter]:
    return [topics.DEAD_LETTERS.decode(s.value) for s in sent if s.topic == "dead.letters"]


def others(sent: list[Sent]) -> list[tuple[str, int, bytes, bytes, bytes]]:
    return [
        (s.topic, s.partition, s.key, s.value, s.stamp) for s in sent if s.topic != "dead.letters"
    ]


def with_bad_at(position: int, bad: Record, count: int = 31) -> list[Record]:
    records = [quote(offset) for offset in range(count)]
    records[position] = replace(bad, offset=position, timestamp=BASE_MS + position)
    return records


@pytest.mark.parametrize("name", BAD)
def test_undecodable_bytes_become_one_dead_letter_in_the_chunk_of_their_offset(name: str) -> None:
    value, reason = BAD[name]
    run = DictRun()
    chunk = run.apply(topics.QUOTES, with_bad_at(15, Record(0, 0, b"k", value)))
    (letter,) = letters(chunk.outputs)
    assert letter.origin == Ref("market.quotes", 0, 15)
    assert letter.timestamp_ms == BASE_MS + 15
    assert letter.reason == reason
    assert letter.error
    assert letter.sha256 == hashlib.sha256(value).hexdigest()
    assert letter.length == len(value)
    assert (letter.key, letter.value, letter.group) == (b"k", value[:DEAD_VALUE_BYTES], "demo")
    assert chunk.dead == {("market.quotes", reason): 1}
    assert chunk.inputs == {"market.quotes": (0, 31, 31)}
    assert run.cell.progress.step == 31


def test_good_records_beside_undecodable_bytes_are_folded_as_if_alone() -> None:
    mixed, good = DictRun(), DictRun()
    mixed.apply(topics.QUOTES, with_bad_at(15, Record(0, 0, b"k", b"{")))
    good.apply(topics.QUOTES, [quote(offset) for offset in range(31) if offset != 15])
    assert [(s.partition, s.key) for s in mixed.outputs if s.topic == "features"] == [
        (s.partition, s.key) for s in good.outputs
    ]
    assert [s.value for s in mixed.outputs if s.topic == "features"] == [
        s.value for s in good.outputs
    ]
    assert sums(mixed.cell) == sums(good.cell) != {}


def test_a_dead_letter_keeps_the_first_64_kib_the_length_and_the_digest() -> None:
    value = b"x" * 900_000
    run = DictRun()
    run.apply(topics.QUOTES, [Record(0, BASE_MS, None, value)])
    (letter,) = letters(run.outputs)
    assert letter.value == value[:DEAD_VALUE_BYTES]
    assert letter.length == 900_000
    assert letter.sha256 == hashlib.sha256(value).hexdigest()
    assert letter.key is None


def test_a_dead_letter_keeps_the_headers_that_fit() -> None:
    headers = (("client", b"curl"), ("none", None), ("huge", b"h" * DEAD_VALUE_BYTES))
    run = DictRun()
    run.apply(topics.QUOTES, [Record(0, BASE_MS, None, b"{", headers)])
    (letter,) = letters(run.outputs)
    assert letter.headers == (("client", b"curl"), ("none", b""))


def test_a_dead_letter_of_a_record_with_an_enormous_key_fits_its_topic() -> None:
    run = DictRun()
    run.apply(topics.QUOTES, [Record(0, BASE_MS, b"k" * 900_000, b"{")])
    (letter,) = letters(run.outputs)
    assert letter.key == b"k" * DEAD_VALUE_BYTES
    assert letter.reason == "NOT_JSON"


@pytest.mark.parametrize("bid", [FAILS, OVERSIZE, UNDECLARED])
@pytest.mark.parametrize("position", [0, 15, 20, 30])
def test_a_failing_handler_leaves_the_chunk_as_if_the_record_had_been_refused(
    bid: int, position: int
) -> None:
    failing, refused = DictRun(), DictRun()
    failing.apply(topics.QUOTES, with_bad_at(position, quote(0, bid=bid)))
    refused.apply(topics.QUOTES, with_bad_at(position, Record(0, 0, b"S0.X", b"{")))
    assert others(failing.outputs) == others(refused.outputs) != []
    assert sums(failing.cell) == sums(refused.cell) != {}
    (letter,) = letters(failing.outputs)
    assert letter.reason == "HANDLER_ERROR"
    assert letter.origin == Ref("market.quotes", 0, position)
    assert letter.value == quote(0, bid=bid).value
    assert failing.cell.progress.step == refused.cell.progress.step == 31


def test_several_failing_records_of_one_chunk_each_get_their_dead_letter() -> None:
    bids = {3: FAILS, 4: OVERSIZE, 20: UNDECLARED, 30: FAILS}
    run = DictRun()
    run.apply(topics.QUOTES, [quote(offset, bid=bids.get(offset, 100)) for offset in range(31)])
    assert [letter.origin.offset for letter in letters(run.outputs)] == sorted(bids)
    assert sums(run.cell)["S0.X"].quotes == 27


@pytest.mark.parametrize("bid", [FAILS, OVERSIZE, UNDECLARED])
def test_where_the_rule_is_to_stop_a_failing_handler_changes_nothing(bid: int) -> None:
    run = DictRun(STRICT)
    run.apply(topics.QUOTES, [quote(offset) for offset in range(5)])
    before, progress = dict(sums(run.cell)), codec.encode(run.cell.progress)
    with pytest.raises(HandlerFailed, match=r"demo: market\.quotes\[0\]@7"):
        run.cell.apply([("market.quotes", [quote(5), quote(6), quote(7, bid=bid), quote(8)])])
    assert sums(run.cell) == before
    assert codec.encode(run.cell.progress) == progress
    assert run.cell.tables.all()[0].changed == {}


def test_a_generator_that_fails_after_its_first_output_sends_none_of_them() -> None:
    run = DictRun()
    with pytest.raises(HandlerFailed, match="ZeroDivisionError"):
        run.cell.apply([("orders.accepted", [accepted(0), accepted(1, reason="FAILS")])])
    assert list(run.cell.tables.all()[0].items()) == []


def test_the_open_chunk_is_discarded_above_the_one_in_flight() -> None:
    cell = Cell(DEMO, 0, 1)
    first = cell.apply([("market.quotes", [quote(0), quote(1)])])
    cell.seal(first)
    with pytest.raises(HandlerFailed):
        cell.apply([("orders.accepted", [accepted(0, reason="FAILS")])])
    cell.publish()
    assert sums(cell)["S0.X"].quotes == 2
    assert sums(cell)["S0.X"].orders == 0


def test_a_null_value_on_a_topic_that_is_not_compacted_is_a_dead_letter() -> None:
    run = DictRun()
    run.apply(topics.QUOTES, [quote(0), Record(1, BASE_MS, b"S0.X", None), quote(2)])
    (letter,) = letters(run.outputs)
    assert (letter.reason, letter.value, letter.length) == ("NULL_VALUE", None, 0)
    assert run.cell.progress.last["market.quotes"].offset == 2


def test_a_tombstone_on_a_compacted_topic_is_passed_over_and_counted_as_applied() -> None:
    seen: list[int] = []

    def on_mark(event: Event[Mark], tables: DemoTables) -> tuple[Output, ...]:
        seen.append(event.offset)
        return ()

    marks = Input(topics.MARKS, (on_mark,))
    run = DictRun(replace(DEMO, inputs=(marks,)))
    mark = b'{"symbol":"S0.X","bid":1,"ask":2,"bid_size":1,"ask_size":1,"last":1,"mid2":3,"status":"live",'
    mark += b'"time":1,"received":1,"source":"t","cause":["market.quotes",0,0]}'
    run.apply(topics.MARKS, [Record(0, 1, b"S0.X", mark), Record(1, 2, b"S0.X", None)])
    assert seen == [0]
    assert run.outputs == []
    assert run.cell.progress.applied == {"market.marks": 2}
    assert run.cell.progress.next("market.marks") == 2


def test_a_deleted_row_is_logged_as_a_tombstone_and_absent_after_a_restore() -> None:
    run = DictRun()
    run.apply(topics.QUOTES, [quote(0), quote(1, symbol="S1.X")])
    run.apply(topics.QUOTES, [quote(2, bid=EMPTIES)])
    assert run.changelog[b"sums|S0.X"] is None
    assert list(sums(run.restored())) == ["S1.X"]


def test_a_group_must_name_the_topics_it_writes() -> None:
    silent = Input(topics.QUOTES, (on_quote,), on_error="dead_letter")
    mute: Group = replace(DEMO, inputs=(silent,))
    run = DictRun(mute)
    run.apply(topics.QUOTES, [quote(0), quote(1)])
    (letter,) = letters(run.outputs)
    assert "undeclared output features" in letter.error
