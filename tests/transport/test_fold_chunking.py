"""Where a chunk ends must not show: outputs, stamps, tables and progress are a function of the records alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fold import Sent
from streams import codec, topics
from streams.gather import Run
from tests.transport.demo import EMPTIES, FAILS
from tests.transport.dict_run import DictRun, sums
from tests.transport.records import BASE_MS, SYMBOLS, Record, accepted, quote

PARTITIONS = 4
Inputs = Sequence[tuple[topics.Topic, Record]]


def quotes(count: int) -> list[Record]:
    """Every 50th is undecodable, every 70th fails in the handler, every 90th empties its row."""
    records = []
    for offset in range(count):
        bid = FAILS if offset % 70 == 69 else EMPTIES if offset % 90 == 89 else 100
        record = quote(offset, symbol=SYMBOLS[offset % 5], bid=bid)
        records.append(replace(record, value=b"{") if offset % 50 == 49 else record)
    return records


def facts(run: DictRun) -> tuple[Any, ...]:
    return run.outputs, run.changelog, sums(run.cell), codec.encode(run.cell.progress)


@pytest.mark.parametrize("most", [1, 7, 500])
def test_a_chunk_size_gives_what_one_chunk_of_5000_gives(most: int) -> None:
    split, whole = (DictRun(partitions=PARTITIONS) for _ in range(2))
    split.apply(topics.QUOTES, quotes(2_500), most)
    whole.apply(topics.QUOTES, quotes(2_500), 5_000)
    assert facts(split) == facts(whole)
    assert len(whole.outputs) > 250


@st.composite
def interleavings(draw: st.DrawFn) -> Inputs:
    """Records of both inputs in some order, with the log's gaps and with times that go back."""
    offsets = {topics.QUOTES: 0, topics.ACCEPTED: 0}
    run: list[tuple[topics.Topic, Record]] = []
    for _ in range(draw(st.integers(1, 40))):
        topic = draw(st.sampled_from([topics.QUOTES, topics.ACCEPTED]))
        offset = offsets[topic] = offsets[topic] + draw(st.integers(1, 3))
        symbol = draw(st.sampled_from(SYMBOLS[:3]))
        bid = draw(st.sampled_from([100, 100, 100, FAILS, EMPTIES]))
        made = (
            quote(offset, symbol=symbol, bid=bid)
            if topic is topics.QUOTES
            else accepted(offset, symbol=symbol)
        )
        made = replace(made, timestamp=BASE_MS + draw(st.integers(-5, 50)))
        run.append((topic, draw(st.sampled_from([made, made, made, replace(made, value=b"[")]))))
    return run


def chunks_of(inputs: Inputs, cuts: set[int]) -> list[list[Run]]:
    """The inputs in chunks: a new one at each cut; within a chunk, a new run where the topic changes."""
    chunks: list[list[tuple[str, list[Record]]]] = []
    for number, (topic, record) in enumerate(inputs):
        if not chunks or number in cuts:
            chunks.append([])
        if not chunks[-1] or chunks[-1][-1][0] != topic.name:
            chunks[-1].append((topic.name, []))
        chunks[-1][-1][1].append(record)
    return [[*chunk] for chunk in chunks]


@given(interleavings(), st.sets(st.integers(0, 39)))
@settings(deadline=None)
def test_any_split_of_an_interleaving_gives_the_same_outputs_and_tables(
    inputs: Inputs, cuts: set[int]
) -> None:
    split, whole = (DictRun(partitions=PARTITIONS) for _ in range(2))
    for chunk in chunks_of(inputs, cuts):
        split.commit(chunk)
    for chunk in chunks_of(inputs, set()):
        whole.commit(chunk)
    assert facts(split) == facts(whole)


@given(interleavings(), st.sets(st.integers(0, 39)))
@settings(deadline=None)
def test_a_cell_restored_at_any_chunk_goes_on_as_the_one_that_never_stopped(
    inputs: Inputs, cuts: set[int]
) -> None:
    steady, restarted = (DictRun(partitions=PARTITIONS) for _ in range(2))
    for chunk in chunks_of(inputs, cuts):
        steady.commit(chunk)
        restarted.cell = restarted.restored()
        restarted.commit(chunk)
    assert facts(steady) == facts(restarted)
    assert sums(restarted.restored()) == sums(steady.cell)


@given(interleavings(), st.sets(st.integers(0, 39)))
@settings(deadline=None)
def test_the_stamps_of_a_cause_count_its_outputs_and_steps_rise(
    inputs: Inputs, cuts: set[int]
) -> None:
    cells = DictRun(partitions=PARTITIONS)
    for chunk in chunks_of(inputs, cuts):
        cells.commit(chunk)
    places: dict[tuple[str, int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for sent in cells.outputs:
        topic_name, partition, offset, step, index, of, epoch = stamp(sent)
        places[topic_name, partition, offset, step].append((index, of))
        assert epoch == 0
    for found in places.values():
        assert found == [(index, len(found)) for index in range(len(found))]
    steps = [step for _topic, _partition, _offset, step in places]
    assert steps == sorted(set(steps))
    order = {
        (topic.name, record.offset): step for step, (topic, record) in enumerate(inputs, start=1)
    }
    assert all(order[name, offset] == step for name, _p, offset, step in places)
    assert cells.cell.progress.step == len(inputs)
    assert sum(cells.cell.progress.applied.values()) == len(inputs)


def stamp(sent: Sent) -> tuple[str, int, int, int, int, int, int]:
    topic, *numbers = sent.stamp.decode().split(":")
    partition, offset, step, index, of, epoch = map(int, numbers)
    return topic, partition, offset, step, index, of, epoch


def test_the_clock_is_the_largest_event_time_seen_and_survives_a_restore() -> None:
    run = DictRun()
    run.apply(topics.QUOTES, [quote(5), quote(9), replace(quote(10), timestamp=BASE_MS)])
    output = topics.FEATURES.decode(run.outputs[-1].value)
    assert output.time == (BASE_MS + 9) * 1_000_000
    assert run.outputs[-1].timestamp_ms == BASE_MS
    assert run.restored().progress.clock_ns == (BASE_MS + 9) * 1_000_000
