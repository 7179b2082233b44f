"""Random histories: the engine against its naive twin, in other chunks, after restarts, and with every tick walked."""

import os
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.messages import Quote, Trade
from tests.broker.compare import Pair
from tests.broker.exchange import Stage, encoded
from tests.broker.histories import Market, history, known

MANY = 10_000
seeds = st.integers(0, 2**40)
relaxed = settings(deadline=None, print_blob=True)


@settings(relaxed, max_examples=70)
@given(seeds)
def test_engine_and_naive_twin_agree_after_every_record(seed: int) -> None:
    compare(seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(relaxed, max_examples=MANY)
@given(seeds)
def test_engine_and_naive_twin_agree_after_every_record_of_many_histories(seed: int) -> None:
    compare(seed)


def compare(seed: int) -> None:
    """One history through both."""
    pair = Pair(known(seed))
    for record in Market().records(history(seed)):
        pair.feed(*record)
    pair.check_end()


@settings(relaxed, max_examples=60)
@given(seeds)
def test_outputs_do_not_depend_on_chunks_or_restarts(seed: int) -> None:
    cut_up(seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(relaxed, max_examples=MANY)
@given(seeds)
def test_outputs_of_many_histories_do_not_depend_on_chunks_or_restarts(seed: int) -> None:
    cut_up(seed)


def cut_up(seed: int) -> None:
    """One history in one chunk and in many."""
    whole, cut, draw = Stage(known(seed)), Stage(known(seed)), random.Random(seed)
    for record in Market().records(history(seed)):
        whole.feed(*record)
        cut_off(cut, draw.choice(["", "", "commit", "restart", "retry"]), record, draw)
        cut.feed(*record)
    assert encoded(cut.outputs) == encoded(whole.outputs)


def cut_off(stage: Stage, action: str, record: tuple[str, Any, int], draw: random.Random) -> None:
    """End the chunk before a record; on `retry` the record's own chunk is handled once in vain."""
    if action == "commit":
        stage.commit()
    elif action == "restart":
        stage.restart()
    elif action == "retry":
        stage.commit()
        kept, clock, offsets = list(stage.outputs), stage.clock, dict(stage.offsets)
        stage.feed(*record)
        tables = stage.tables.exchange.tables()
        for table in draw.sample(tables, len(tables)):
            table.discard()
        stage.outputs, stage.clock, stage.offsets = kept, clock, offsets


@settings(relaxed, max_examples=60)
@given(seeds)
def test_tick_that_is_passed_over_would_have_done_nothing(seed: int) -> None:
    walk_all(seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(relaxed, max_examples=MANY)
@given(seeds)
def test_tick_that_is_passed_over_would_have_done_nothing_in_many_histories(seed: int) -> None:
    walk_all(seed)


def walk_all(seed: int) -> None:
    """One history with the quick comparison of ticks, and one in which every tick is matched."""
    quick, walked = Stage(known(seed)), Stage(known(seed))
    for topic, message, time in Market().records(history(seed)):
        quick.feed(topic, message, time)
        if isinstance(message, Quote | Trade):
            for book in walked.tables.exchange.index.books.values():
                book.due = book.trade_due = 0
        walked.feed(topic, message, time)
    assert encoded(walked.outputs) == encoded(quick.outputs)
    tables = zip(walked.tables.exchange.tables(), quick.tables.exchange.tables(), strict=True)
    for mine, other in tables:
        assert dict(mine.items()) == dict(other.items()), mine.name


DIGEST = """
import hashlib
from tests.broker.exchange import Stage, encoded
from tests.broker.histories import Market, history, known
digest = hashlib.sha256()
for seed in range(15):
    stage = Stage(known(seed))
    for record in Market().records(history(seed)):
        stage.feed(*record)
    digest.update(repr(encoded(stage.outputs)).encode())
print(digest.hexdigest())
"""


def test_outputs_do_not_depend_on_the_order_of_hashes() -> None:
    def digest(hash_seed: str) -> Any:
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True
        )
        return run.stdout

    assert digest("1") == digest("2") != b""
