"""The proof finds every byte that a replay does not write again, names it, and says when it cannot tell."""

import asyncio
from collections.abc import Callable

import pytest

from agents.routes import routes
from api.replay import proof
from api.replay.proof import Proof
from api.replay.stretch import Unverifiable
from api.verify.history import STATES, History
from streams import topics
from streams.cursor import LogTruncated
from streams.log import Record
from tests.faults.cluster import PARTITIONS
from tests.faults.commands import fixed_rounds
from tests.faults.dict_system import DictSystem
from tests.replay.memory_log import MemoryLog

Tamper = Callable[[list[Record]], None]
GROUPS = routes(PARTITIONS)


@pytest.fixture(scope="module")
def lived() -> History:
    """What a run has left, in chunks of up to 30 records."""
    system = DictSystem(GROUPS, PARTITIONS, most=30)
    for puts in fixed_rounds(seed=4, rounds=8, commands=10):
        system.put(puts)
        system.run()
    return system.history()


def prove(history: History, since_ms: int | None = None, until_ms: int | None = None) -> Proof:
    return asyncio.run(proof.prove(MemoryLog(history), GROUPS, PARTITIONS, since_ms, until_ms))


def test_a_replay_of_the_record_writes_every_byte_again(lived: History) -> None:
    found = prove(lived)
    assert [str(each) for each in found.differences] == []
    assert found.equal
    outputs = [r for name, records in lived.records.items() for r in records if r.headers]
    assert found.records == len(outputs)
    assert found.steps == sum(
        row["step"] for state in STATES for row in lived.rows(state, "progress").values()
    )


def test_a_stretch_in_the_middle_is_replayed_from_the_state_at_its_beginning(
    lived: History,
) -> None:
    times = sorted(record.timestamp_ms for record in lived.of("market.quotes"))
    whole, found = prove(lived), prove(lived, times[300], times[600])
    assert found.equal
    assert 0 < found.steps < whole.steps / 2


def test_a_range_in_which_nothing_happened_is_empty_and_equal(lived: History) -> None:
    found = prove(lived, 1, 2)
    assert (found.steps, found.records, found.equal) == (0, 0, True)


def lose_one(records: list[Record]) -> None:
    del records[3]


def double_one(records: list[Record]) -> None:
    records.insert(3, records[3])


def change_a_byte(records: list[Record]) -> None:
    value = bytearray(records[3].value or b"")
    value[-3] ^= 1
    records[3] = records[3]._replace(value=bytes(value))


def swap_two(records: list[Record]) -> None:
    first = records[3]
    stamp = dict(first.headers)["stamp"].split(b":")[1]
    number = next(
        n
        for n, record in enumerate(records[4:], 4)
        if record.partition == first.partition
        and dict(record.headers)["stamp"].split(b":")[1] == stamp
    )
    records[3], records[number] = records[number], first


@pytest.mark.parametrize("tamper", [lose_one, double_one, change_a_byte, swap_two])
@pytest.mark.parametrize("topic", ["positions", "risk.decisions"])
def test_a_record_that_was_tampered_with_is_shown_from_both_sides(
    lived: History, topic: str, tamper: Tamper
) -> None:
    records = [*lived.of(topic)]
    tamper(records)
    found = prove(History(lived.records | {topic: records}, lived.begins))
    assert not found.equal
    (difference,) = found.differences
    assert difference.stream.topic == topic
    assert difference.live != difference.replayed
    assert (
        lived.of(topic)[3].value
        in (
            getattr(difference.live, "value", None),
            getattr(difference.replayed, "value", None),
        )
        or tamper is double_one
    )


@pytest.mark.parametrize("tamper", [double_one, change_a_byte])
def test_a_tampered_fill_is_found_where_it_lies_and_in_all_that_follows_from_it(
    lived: History, tamper: Tamper
) -> None:
    records = [*lived.of("fills")]
    tamper(records)
    found = prove(History(lived.records | {"fills": records}, lived.begins))
    if tamper is double_one:
        assert "positions" in {each.stream.topic for each in found.differences}
    (fill,) = [each for each in found.differences if each.stream.topic == "fills"]
    assert fill.live is not None and fill.replayed is not None
    assert fill.live != fill.replayed


def test_a_lost_fill_is_named_by_its_topic(lived: History) -> None:
    records = [*lived.of("fills")]
    lose_one(records)
    with pytest.raises(Unverifiable, match=r"fills\[\d\] holds"):
        prove(History(lived.records | {"fills": records}, lived.begins))


def test_a_row_of_a_changelog_that_was_changed_is_found(lived: History) -> None:
    records = [*lived.of("account-state")]
    number = next(n for n, r in enumerate(records) if (r.key or b"").startswith(b"balances|"))
    value = records[number].value or b""
    records[number] = records[number]._replace(value=value.replace(b'"cash":', b'"cash":9', 1))
    found = prove(History(lived.records | {"account-state": records}, lived.begins))
    assert [each.stream.topic for each in found.differences] == ["account-state"]


def test_inputs_whose_retention_has_passed_are_a_clear_error(lived: History) -> None:
    gone = History(lived.records, {("market.quotes", 0): 5})
    with pytest.raises(LogTruncated, match=r"market.quotes begins at offset 5, \d is needed"):
        prove(gone)


def test_an_input_that_was_compacted_away_is_no_pass_and_no_failure(lived: History) -> None:
    records = [*lived.of("market.marks")]
    del records[2]
    with pytest.raises(Unverifiable, match=r"market.marks\[0\] holds .* the topic was compacted"):
        prove(History(lived.records | {"market.marks": records}, lived.begins))


def test_a_chunk_that_is_not_on_record_is_no_pass_and_no_failure(lived: History) -> None:
    records = [*lived.of(topics.INTERLEAVING.name)]
    del records[5]
    with pytest.raises(Unverifiable, match="went on from step"):
        prove(History(lived.records | {topics.INTERLEAVING.name: records}, lived.begins))
