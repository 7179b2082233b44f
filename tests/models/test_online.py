"""Every online version goes on bit for bit from its exported state, which is all of it."""

import math
import random
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import compose, linear_model, optim, preprocessing

from models.features import FEATURES, NAMES
from models.online import adapter, versions
from models.online.adapter import LEARNING, Online, state_hash
from models.online.baselines import QUEUE_IMBALANCE, logit, sigmoid
from models.online.pipelines import SGD, Calibrated, Linear, PassiveAggressive, named

CALIB = f"{versions.CALIB}v0123456789ab"
ALL = (*versions.INLINE, CALIB)
Example = tuple[tuple[float, ...], bool]


def examples(seed: int = 4, signal: float = 0.4) -> Iterator[Example]:
    """Vectors within their clips, of very different scales, and a class that leans on the queue imbalance."""
    draw = random.Random(seed)
    while True:
        values = [draw.uniform(f.low, f.high) / draw.choice([1, 1000]) for f in FEATURES]
        up = draw.random() < 0.5 + signal * values[QUEUE_IMBALANCE]
        yield tuple(values), up


def fed(version: str, example: Example) -> Example:
    """The example as the version takes it."""
    values, up = example
    return (versions.inputs(values, 0.5 + values[1] / 3), up) if version == CALIB else (values, up)


def taught(version: str, count: int, seed: int = 4) -> Online:
    online = versions.make(version, b"")
    for number, example in enumerate(islice(examples(seed), count)):
        values, up = fed(version, example)
        online.learn(values, up, 1.0, number)
    return online


@pytest.mark.parametrize("version", ALL)
@given(
    seed=st.integers(0, 2**32),
    before=st.integers(0, 30),
    cuts=st.sets(st.integers(0, 24), max_size=6),
)
def test_made_from_its_state_it_goes_on_bit_for_bit(
    version: str, seed: int, before: int, cuts: set[int]
) -> None:
    whole = taught(version, before, seed)
    parts = versions.make(version, whole.state)
    for number, example in enumerate(islice(examples(seed + 1), 24)):
        values, up = fed(version, example)
        if number in cuts:
            parts = versions.make(version, parts.state)
        assert parts.predict(values) == whole.predict(values)
        whole.learn(values, up, 1.0, number)
        parts.learn(values, up, 1.0, number)
        assert parts.state == whole.state
        assert parts.learned == whole.learned
    assert state_hash(parts.state) == state_hash(whole.state)


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("foreign", [b"", LEARNING, b"\x80\x04pickled", b"xxxx" + bytes(492)])
def test_bytes_of_another_format_are_a_version_that_has_learned_nothing(
    version: str, foreign: bytes
) -> None:
    values, _ = fed(version, next(examples()))
    online = versions.make(version, foreign)
    assert online.learned == 0
    assert online.predict(values) == versions.make(version, b"").predict(values)


@pytest.mark.parametrize("version", ALL)
def test_state_of_another_feature_set_is_refused(version: str) -> None:
    state = taught(version, 30).state
    other = state[:4] + bytes(8) + state[12:]
    assert versions.make(version, other).learned == 0


@pytest.mark.parametrize(
    ("version", "optimizer"), [("lin", optim.SGD(0.01)), ("lin_adam", optim.Adam(0.01))]
)
def test_a_linear_version_is_the_pipeline_of_river_bit_for_bit(
    version: str, optimizer: optim.base.Optimizer
) -> None:
    pipeline = compose.Pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(optimizer=optimizer, l2=1e-4),
    )
    model, answered = versions.make(version, b""), 0
    for number, (values, up) in enumerate(islice(examples(), 300)):
        p = model.predict(values)
        assert p is None or p == pipeline.predict_proba_one(named(values))[True]
        answered += p is not None
        if number % 50 == 49:
            model = versions.make(version, model.state)
        model.learn(values, up, 1.0, 0)
        pipeline.learn_one(named(values), up)
    assert model.learned == 300
    assert answered > 250


def test_versions_that_learn_the_same_share_one_scale_and_each_its_own_state() -> None:
    draw = [(values, up) for values, up in islice(examples(), 60)]
    alone = [versions.make(name, b"") for name in (versions.LIN, versions.PA)]
    for version in alone:
        for number, (values, up) in enumerate(draw):
            version.predict(tuple([*values]))
            version.learn(tuple([*values]), up, 1.0, number)
    together = [versions.make(name, b"") for name in (versions.LIN, versions.PA)]
    for number, (values, up) in enumerate(draw):
        for version in together:
            version.predict(values)
        for version in together:
            version.learn(values, up, 1.0, number)
    assert [version.state for version in together] == [version.state for version in alone]
    assert together[0]._scale is together[1]._scale  # type: ignore[attr-defined]  # that is the point


def test_pa_decides_as_river_does() -> None:
    classifier = linear_model.PAClassifier(C=0.01)  # type: ignore[no-untyped-call]  # River
    scaler = preprocessing.StandardScaler()
    model = PassiveAggressive(b"")
    for values, up in islice(examples(), 300):
        scaler.learn_one(named(values))  # type: ignore[no-untyped-call]  # River
        scaled = scaler.transform_one(named(values))  # type: ignore[no-untyped-call]  # River
        river = classifier.predict_proba_one(scaled)[True]  # type: ignore[no-untyped-call]  # River
        assert sigmoid(model._decision([*scaled.values()])) == pytest.approx(river, abs=1e-4)
        model.learn(values, up, 1.0, 0)
        classifier.learn_one(scaled, up)  # type: ignore[no-untyped-call]  # River


@pytest.mark.parametrize("version", ["qi", "lin", "lin_adam", "pa", CALIB])
def test_it_learns_the_signal(version: str) -> None:
    online = taught(version, 3_000)
    low, high = [0.0] * len(NAMES), [0.0] * len(NAMES)
    low[QUEUE_IMBALANCE], high[QUEUE_IMBALANCE] = -0.9, 0.9
    down, up = (online.predict(fed(version, (tuple(v), True))[0]) for v in (low, high))
    assert down is not None and up is not None
    assert down < 0.5 < up


@pytest.mark.parametrize("version", ["qi", "lin", "lin_adam", "pa"])
def test_the_probability_is_within_three_points_of_the_best_there_is(version: str) -> None:
    """The generator tells the odds of each vector; the mean of what it would lose is the bound."""
    online, lost, best, count = versions.make(version, b""), 0.0, 0.0, 0
    for number, (values, up) in enumerate(islice(examples(11), 6_000)):
        p, odds = online.predict(values), 0.5 + 0.4 * values[QUEUE_IMBALANCE]
        if number >= 2_000 and p is not None:
            lost, best, count = lost + (p - up) ** 2, best + (odds - up) ** 2, count + 1
        online.learn(values, up, 1.0, number)
    assert count > 3_000
    assert lost / count < best / count + 0.03


@pytest.mark.parametrize("version", ["lin", "lin_adam", "pa"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_lesson_that_breaks_the_state_is_told(version: str, bad: float) -> None:
    online = taught(version, 10)
    assert online.sound
    before = online.state
    online.learn([bad] * len(NAMES), True, 1.0, 0)
    online.learn([-1.0] * len(NAMES), True, 1.0, 0)
    assert not online.sound
    assert versions.make(version, before).sound


def test_an_interrupted_lesson_leaves_a_state_that_equals_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Linear(b"", SGD)

    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(model._regression.river, "learn_one", fail)
    with pytest.raises(RuntimeError):
        model.learn([1.0] * len(NAMES), True, 1.0, 0)
    assert model.state == LEARNING


def test_outliers_are_one_far_or_three_high() -> None:
    assert not adapter.are_outliers([1.0] * 20)
    assert adapter.are_outliers([-8.1, 1.0, 1.0])
    assert not adapter.are_outliers([6.0, -6.0, 1.0])
    assert adapter.are_outliers([6.0, -6.0, 5.1])


def test_prior_and_no_change_count_by_laplace() -> None:
    prior, no_change = versions.make("prior", b""), versions.make("no_change", b"")
    for up in (True, True, False):
        prior.learn((), up, 1.0, 0)
        no_change.learn((), up, 1.0, 0)
    assert prior.predict(()) == (2 + 1) / (3 + 2)
    assert no_change.predict(()) == 1 - (1 + 1) / (2 + 2)
    no_change.learn((), False, 1.0, 0)
    assert no_change.predict(()) == 1 - (2 + 1) / (3 + 2)


def test_a_new_calibration_is_the_batch_version_itself() -> None:
    calib = Calibrated(b"")
    for p in (0.1, 0.5, 0.73):
        assert calib.predict((logit(p), 0.4, -3.0, 2.0)) == pytest.approx(p)


def test_a_scale_begun_anew_leaves_the_rest() -> None:
    online, before = taught("pa", 500), taught("pa", 500).state
    state = versions.recalibrated(online)
    assert state is not None and state != before
    again = versions.make("pa", state)
    assert again.learned == 500
    assert versions.recalibrated(taught("lin", 3)) is None
