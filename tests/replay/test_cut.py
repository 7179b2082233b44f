"""A running system may be looked at at any moment: what is cut from its history breaks no rule."""

import random

import pytest

from agents.routes import routes
from api.verify.cut import cut
from api.verify.history import History
from api.verify.rules import check
from streams import topics
from tests.faults.cluster import PARTITIONS
from tests.faults.commands import fixed_rounds
from tests.faults.dict_system import DictSystem

CHUNKS = topics.INTERLEAVING.name


@pytest.fixture(scope="module")
def whole() -> History:
    """A history with orders of every kind."""
    system = DictSystem(routes(PARTITIONS), PARTITIONS, most=20)
    for puts in fixed_rounds(seed=8, rounds=12, commands=8):
        system.put(puts)
        system.run()
    return system.history()


def without_last_chunks(history: History, counts: dict[tuple[bytes | None, int], int]) -> History:
    """As a reader sees it who looked at `interleaving` before the last chunks of each cell."""
    left, kept = dict(counts), []
    for record in reversed(history.of(CHUNKS)):
        cell = record.key, record.partition
        if left.get(cell, 0):
            left[cell] -= 1
        else:
            kept.append(record)
    return History(history.records | {CHUNKS: kept[::-1]})


def test_a_history_at_rest_is_not_cut(whole: History) -> None:
    assert cut(whole).records == whole.records


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_at_any_chunks_breaks_no_rule(whole: History, seed: int) -> None:
    lost = random.Random(seed).choices(range(12), k=12)
    cells = sorted({(record.key, record.partition) for record in whole.of(CHUNKS)})
    seen = cut(without_last_chunks(whole, dict(zip(cells, lost, strict=True))))
    assert check(seen, at_rest=False) == []
    assert len(seen.of(CHUNKS)) < len(whole.of(CHUNKS))


def test_a_consumer_that_is_ahead_of_what_was_seen_of_its_producers_is_cut_back(
    whole: History,
) -> None:
    cells: dict[tuple[bytes | None, int], int]
    cells = {(b"symbol", partition): 5 for partition in range(PARTITIONS)}
    seen = cut(without_last_chunks(whole, cells))
    lost = len(whole.of(CHUNKS)) - len(seen.of(CHUNKS))
    assert lost > 5 * PARTITIONS
    assert len(seen.of("fills")) < len(whole.of("fills"))
