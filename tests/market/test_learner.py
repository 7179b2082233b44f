"""The learner's step: labels when they are known, abstains by reason, and a state that commits with its chunk."""

import math
import random
from typing import Any

import msgspec
import pytest

from agents.learner_tables import MODELS, place_of
from models import labels
from models.features import READY_5S, READY_ALL, SET_HASH, VECTOR
from models.online.pipelines import SGD, Linear
from streams import topics
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import DeadLetter
from streams.predictions import Answer, Features, Label, Prediction
from tests.market import drive
from tests.market.drive import MS, SECOND, START, SYMBOL
from tests.market.vectors import features, walk

QUIET = "ETHUSDT.BINANCE_USDM"
FAST, SLOW = (model.name for model in MODELS)
PLACE = place_of(FAST, SYMBOL)


def predictions(tables: drive.Tables, *vectors: Features, first: int = 0) -> list[Prediction]:
    """Of the model of one second."""
    made = drive.of(topics.PREDICTIONS, drive.learn(tables, vectors, first))
    return [prediction for prediction in made if prediction.model == FAST]


def known(tables: drive.Tables, *vectors: Features) -> list[Label]:
    made = drive.of(topics.LABELS, drive.learn(tables, vectors))
    return [label for label in made if label.model == FAST]


def of(prediction: Prediction, version: str) -> Answer:
    return next(answer for answer in prediction.outputs if answer.version == version)


@pytest.fixture
def tables() -> drive.Tables:
    return drive.Tables()


@pytest.fixture
def taught() -> drive.Tables:
    """Tables after 600 vectors, so that `lin` answers."""
    tables = drive.Tables()
    drive.learn(tables, walk(600))
    tables.commit()
    return tables


def test_lin_abstains_until_two_hundred_labels_and_prior_never(tables: drive.Tables) -> None:
    made = predictions(tables, *walk(600))
    for prediction in made:
        lin, prior = of(prediction, "lin"), of(prediction, "prior")
        assert prediction.served == lin
        assert lin.role == "champion"
        assert (lin.p is None) == (lin.learned < 200)
        assert lin.abstain == ("not_enough_labels" if lin.p is None else "")
        assert prior.p is not None
    assert made[-1].served.learned > 300


def test_label_is_learned_when_known_and_before_the_next_answer(tables: drive.Tables) -> None:
    vectors = [features(0), features(500), features(999), features(1_000, 20_004), features(1_500)]
    answers = [prediction.served.learned for prediction in predictions(tables, *vectors)]
    assert answers == [0, 0, 0, 1, 1]


def test_labels_end_in_the_order_of_their_vectors(tables: drive.Tables) -> None:
    vectors = [features(0), features(100, 20_002), features(1_150, 20_002), features(3_000)]
    ended = known(tables, *vectors)
    assert [(label.state, label.y) for label in ended] == [
        ("labelled", 1),
        ("flat", None),
        ("censored", None),
    ]
    assert [(label.known_at - START) // MS for label in ended] == [1_150, 1_150, 3_000]
    assert [label.prediction_id[-1] for label in ended] == ["0", "1", "2"]
    assert all(label.spec == labels.UP_1S.hash for label in ended)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"set_hash": "0" * 16}, "feature_set"),
        ({"vector": b"\0" * 56}, "feature_set"),
        ({"vector": VECTOR.pack(*[0.0] * 19, math.nan)}, "nonfinite_input"),
        ({"vector": VECTOR.pack(math.inf, *[0.0] * 19)}, "nonfinite_input"),
        ({"vector": VECTOR.pack(*[0.0] * 7, 1e308, *[0.0] * 12)}, "out_of_distribution"),
        ({"vector": VECTOR.pack(*[0.0] * 7, 499.0, *[0.0] * 12)}, "out_of_distribution"),
        ({"gap_ms": 5_001}, "stale_features"),
        ({"ready": READY_ALL ^ READY_5S}, "warming_up"),
        ({"time": START + 86_500 * SECOND}, "model_expired"),
        ({}, ""),
    ],
)
def test_abstain_names_its_reason(
    taught: drive.Tables, changed: dict[str, Any], reason: str
) -> None:
    answer = predictions(taught, features(60_000, **changed), first=600)[0].served
    assert answer.abstain == reason
    assert (answer.p is None) == bool(reason)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
def test_bad_vector_leaves_all_later_outputs_as_they_were(bad: float) -> None:
    vectors = walk(520)
    outputs = drive.learn(drive.Tables(), vectors)
    vectors[400] = msgspec.structs.replace(
        vectors[400], vector=VECTOR.pack(*[0.1] * 19, bad), ready=READY_ALL
    )
    spoiled = drive.learn(drive.Tables(), vectors)
    clean = drive.learn(
        drive.Tables(),
        [*vectors[:400], msgspec.structs.replace(vectors[400], ready=0), *vectors[401:]],
    )
    after, still = (drive.of(topics.PREDICTIONS, each) for each in (spoiled, clean))
    assert [each.served.p for each in after[800:802]] == [None, None]
    for one, other in zip(after[:800] + after[802:], still[:800] + still[802:], strict=True):
        # the mixture weighs what was answered, and the prior answers a vector that is not ready
        assert one.outputs[:-1] == other.outputs[:-1]
        assert (one.outputs[-1].version, one.outputs[-1].abstain) == (
            "mix",
            other.outputs[-1].abstain,
        )
    letters = drive.of(topics.DEAD_LETTERS, spoiled)
    assert [letter.reason for letter in letters] == ["nonfinite"] * (not math.isfinite(bad))
    assert all(isinstance(letter, DeadLetter) for letter in letters)
    assert len(outputs) == len(spoiled) - len(letters)


def test_state_that_is_not_finite_is_given_up_and_three_disable(taught: drive.Tables) -> None:
    row = taught.learners.edit(PLACE)
    assert row is not None
    kept = row.versions["lin"]
    numbers = SGD.format.numbers(kept.state)
    numbers[2:4] = 1.7e308, 1.7e308
    broken = SGD.format.pack(numbers)
    row.versions["lin"] = msgspec.structs.replace(kept, state=broken)
    while (waiting := taught.waiting.lines.oldest(PLACE)) is not None:
        taught.waiting.take(PLACE, waiting)
    vectors = [features(60_000 + 1_200 * n, 20_000 + 2 * n) for n in range(6)]
    answers = predictions(taught, *vectors, first=600)
    assert {answer.served.abstain for answer in answers} == {"nonfinite_state"}
    after = row.versions["lin"]
    assert after.state == broken
    assert [(time - START) // MS for time in after.faults] == [61_200, 62_400, 63_600]
    assert of(answers[-1], "qi").p is not None, "the others go on"


def test_labels_of_a_silent_symbol_expire(tables: drive.Tables) -> None:
    silent = msgspec.structs.replace(features(0), symbol=QUIET)
    others = [features(ms) for ms in range(100, 75_000, 500)]
    expired = [label for label in known(tables, silent, *others) if label.state == "expired"]
    assert [(label.symbol, label.y, label.r_bps) for label in expired] == [(QUIET, None, None)]
    assert 61 <= (expired[0].known_at - START) / SECOND <= 71.5
    assert tables.waiting.lines.length(place_of(FAST, QUIET)) == 0


def test_oldest_pending_label_gives_way(
    tables: drive.Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "PENDING_MAX", 3)
    ended = known(tables, *[features(ms) for ms in (0, 1, 2, 3, 4)])
    assert [(label.state, label.prediction_id[-1]) for label in ended] == [
        ("overflow", "0"),
        ("overflow", "1"),
    ]


def test_volatility_is_the_root_mean_square_of_known_returns(tables: drive.Tables) -> None:
    mids = [20_000, 20_010, 20_010, 19_990]
    vectors = [features(1_000 * n, mid2) for n, mid2 in enumerate(mids)]
    made = predictions(tables, *vectors)
    returns = [1e4 * math.log(b / a) for a, b in zip(mids, mids[1:], strict=False)]
    expected = math.sqrt(sum(r * r for r in returns) / 3)
    assert made[0].volatility_bps == 0.0
    assert made[-1].volatility_bps == pytest.approx(expected)
    assert of(made[-1], "prior").p == (1 + 1) / (2 + 2)


def test_vector_without_a_mid_is_refused(tables: drive.Tables) -> None:
    with pytest.raises(Undecodable, match="PRICE_NOT_POSITIVE"):
        drive.learn(tables, [features(0, 0)])
    assert PLACE not in tables.learners


def test_state_of_an_unknown_format_is_learned_anew(taught: drive.Tables) -> None:
    row = taught.learners.edit(PLACE)
    assert row is not None
    kept = row.versions["lin"]
    row.versions["lin"] = msgspec.structs.replace(kept, state=b"lin0" + kept.state[4:])
    answers = predictions(taught, *[features(60_000 + 1_200 * n) for n in range(3)], first=600)
    assert [answer.served.abstain for answer in answers] == ["not_enough_labels"] * 3


@pytest.mark.parametrize("seed", [1, 2])
def test_discarded_and_restored_chunks_change_no_bit(seed: int) -> None:
    """Chunks of random size; some are thrown away half-way and run again, after some the tables are restored."""
    vectors, draw = walk(600), random.Random(seed)
    whole = drive.Tables()
    expected = drive.learn(whole, vectors)
    parts, outputs, log, first = drive.Tables(), [], [], 0
    while first < len(vectors):
        chunk = vectors[first : first + draw.choice([1, 2, 7, 90])]
        if draw.random() < 0.4:
            drive.learn(parts, chunk[: draw.randrange(len(chunk) + 1)], first)
            parts.discard()
        outputs += drive.learn(parts, chunk, first)
        log += parts.commit()
        first += len(chunk)
        if draw.random() < 0.2:
            parts = drive.Tables()
            parts.restore(log)
    assert outputs == expected
    whole.commit()
    for one, other in zip(parts.all(), whole.all(), strict=True):
        assert list(one.items()) == list(other.items()), one.name


def test_chunk_that_fails_in_a_lesson_is_run_again_from_the_committed_state(
    taught: drive.Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = walk(660)[600:]
    twin = drive.Tables()
    drive.learn(twin, walk(600))
    expected = drive.learn(twin, vectors, 600)
    model = taught.learners.online(PLACE, "lin", taught.learners[PLACE].kept("lin").state)
    assert isinstance(model, Linear)
    lesson = model._regression.river.learn_one
    taken: list[None] = []

    def fail_the_third(*example: Any) -> None:
        taken.append(lesson(*example))
        if len(taken) == 3:
            raise RuntimeError("in the middle")

    monkeypatch.setattr(model._regression.river, "learn_one", fail_the_third)
    with pytest.raises(RuntimeError):
        drive.learn(taught, vectors, 600)
    monkeypatch.undo()
    taught.discard()
    assert drive.learn(taught, vectors, 600) == expected


def test_model_and_lane_are_in_the_id(tables: drive.Tables) -> None:
    made = predictions(tables, features(0), first=41)[0]
    assert made.prediction_id == f"{FAST}:inline:0:41"
    assert made.features_ref == Ref("features", 0, 41)
    assert made.lane == "inline"
    assert (made.spec, made.set_hash) == (labels.UP_1S.hash, SET_HASH)
