"""What the learner cannot know it does not know; what is there it finds; and how it is cut changes nothing."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from agents.fold import Cell
from agents.handler import LogRecord
from agents.learner_tables import MODELS
from agents.routes import routes
from models.features import FEATURES, VECTOR
from models.online.baselines import QUEUE_IMBALANCE
from streams import codec, topics
from streams.predictions import Example, Features, Label
from tests.market import drive
from tests.market.vectors import features, walk

FAST = MODELS[0].name
COUNT = 3_600
Odds = Callable[[float], float]


def market(odds: Odds, seed: int = 12) -> list[Features]:
    """Vectors 1.2 s apart; the mid rises after one with these odds, of its queue imbalance."""
    draw, mid2, made, up = random.Random(seed), 2_000_000, [], False
    for number in range(COUNT):
        values = [draw.gauss(0, 0.05) * (f.high - f.low) for f in FEATURES]
        values = [min(max(v, f.low), f.high) for v, f in zip(values, FEATURES, strict=True)]
        values[QUEUE_IMBALANCE] = draw.uniform(-1, 1)
        mid2 += 20 if up else -20
        made.append(features(1_200 * number, mid2, vector=VECTOR.pack(*values)))
        up = draw.random() < odds(values[QUEUE_IMBALANCE])
    return made


def answered(vectors: list[Features], version: str) -> list[tuple[float, int]]:
    """(p, y) of the labels of a version's answers, after it has learned for a while."""
    examples: list[Example] = drive.of(topics.EXAMPLES, drive.learn(drive.Tables(), vectors))
    found = []
    for example in examples:
        if example.model == FAST and example.y is not None:
            p = next(each.p for each in example.outputs if each.version == version)
            found += [] if p is None else [(p, example.y)]
    return found[len(found) // 4 :]


def area(pairs: list[tuple[float, int]]) -> float:
    """Probability that an up has the higher p."""
    ranked = sorted(pairs)
    ups = sum(y for _, y in ranked)
    ranks = sum(rank for rank, (_, y) in enumerate(ranked, 1) if y)
    return (ranks - ups * (ups + 1) / 2) / (ups * (len(ranked) - ups))


def brier(pairs: list[tuple[float, int]]) -> float:
    return sum((p - y) ** 2 for p, y in pairs) / len(pairs)


@pytest.fixture(scope="module")
def signal() -> list[Features]:
    return market(lambda imbalance: 0.5 + 0.4 * imbalance)


@pytest.fixture(scope="module")
def noise() -> list[Features]:
    return market(lambda imbalance: 0.5)


def test_where_nothing_is_to_be_known_nothing_is(noise: list[Features]) -> None:
    """The moves do not depend on the vectors: what permuted labels are."""
    assert area(answered(noise, "lin")) == pytest.approx(0.5, abs=0.03)


def test_a_known_signal_is_found_to_within_three_points_of_the_best(signal: list[Features]) -> None:
    """The best there is knows the odds: its Brier score is the mean of odds (1 - odds), its AUC that of the odds."""
    odds = [0.5 + 0.4 * VECTOR.unpack(each.vector)[QUEUE_IMBALANCE] for each in signal]
    draw = random.Random(3)
    best = [(p, int(draw.random() < p)) for p in odds for _ in range(4)]
    found = answered(signal, "lin")
    assert area(found) == pytest.approx(area(best), abs=0.03)
    assert brier(found) < sum(p * (1 - p) for p in odds) / len(odds) + 0.03


def test_a_leak_would_show(noise: list[Features]) -> None:
    """A vector that holds its own label is found out by the bound of ninety points."""
    leaky = []
    for now, later in zip(noise[:2_500], noise[1:], strict=False):
        values = list(VECTOR.unpack(now.vector))
        values[QUEUE_IMBALANCE] = 0.9 if later.mid2 > now.mid2 else -0.9
        leaky.append(
            features((now.time - drive.START) // drive.MS, now.mid2, vector=VECTOR.pack(*values))
        )
    assert area(answered(leaky, "lin")) > 0.9


def records(count: int) -> list[LogRecord]:
    made = []
    for offset, each in enumerate(walk(count)):
        key = each.symbol.encode()
        made.append(LogRecord(offset, each.time // 1_000_000, key, codec.encode(each)))
    return made


def digest(size: int) -> str:
    """sha256 of all that the learner's cell writes of 320 vectors, in chunks of this size; its stamps too."""
    learner = next(group for group in routes(1) if group.name == "learner")
    cell, log = Cell(learner, 0, 1), records(320)
    written = hashlib.sha256()
    for start in range(0, len(log), size):
        chunk = cell.apply([(topics.FEATURES.name, log[start : start + size])])
        cell.seal(chunk)
        cell.publish()
        for sent in chunk.outputs:
            written.update(b"|".join((sent.topic.encode(), sent.key, sent.value, sent.stamp)))
    for table in cell.tables.all():
        for key, value in table.items():
            written.update(key.encode() + codec.encode(value))
    return written.hexdigest()


def test_chunks_and_hash_seeds_change_no_byte() -> None:
    whole = digest(1_000)
    assert digest(7) == whole
    program = "from tests.market.test_honesty import digest; print(digest(1))"
    for seed in ("0", "1"):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == whole, seed


def test_a_label_is_known_no_earlier_than_its_horizon(signal: list[Features]) -> None:
    labels: list[Label] = drive.of(topics.LABELS, drive.learn(drive.Tables(), signal[:200]))
    specs = {model.name: model.spec for model in MODELS}
    assert {label.model for label in labels} == set(specs)
    for label in labels:
        assert label.known_at - label.time >= specs[label.model].horizon_ns
