"""`lin` is River's pipeline, and its exported state is all of it."""

import random
import struct
from collections.abc import Iterator

import pytest
from river import compose, linear_model, optim, preprocessing

from models import online
from models.features import NAMES
from models.linear import Linear
from models.online import FRESH, LEARNING


def examples(count: int, seed: int = 4) -> Iterator[tuple[list[float], bool]]:
    """Vectors of very different scales, and a class that leans on the second."""
    draw = random.Random(seed)
    for _ in range(count):
        values = [draw.gauss(0, 1) * 10 ** (place % 3) for place in range(len(NAMES))]
        yield values, draw.random() < 0.3 + 0.4 * (values[1] > 0)


def run(every: int, count: int = 600) -> list[bytes]:
    """Probability and state after each example, the model rebuilt from its state `every` examples."""
    model, seen = Linear(), []
    for number, (values, up) in enumerate(examples(count)):
        if number % every == every - 1:
            model = Linear(model.dumped)
        seen.append(struct.pack("<d", model.predict(model.scale(values))))
        model.learn(values, up)
        seen.append(model.dumped)
    return seen


@pytest.mark.parametrize("every", [1, 7, 100])
def test_rebuilt_from_its_state_it_goes_on_bit_for_bit(every: int) -> None:
    assert run(every) == run(10**9)


def test_it_is_the_pipeline_of_river() -> None:
    pipeline = compose.Pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(optimizer=optim.SGD(0.01), l2=1e-4),
    )
    model = Linear()
    for values, up in examples(300):
        vector = dict(zip(NAMES, values, strict=True))
        assert model.predict(model.scale(values)) == pipeline.predict_proba_one(vector)[True]
        model.learn(values, up)
        pipeline.learn_one(vector, up)
    assert model.learned == 300


def test_it_learns_the_signal() -> None:
    model = Linear()
    for values, up in examples(3_000):
        model.learn(values, up)
    low, high = [0.0] * len(NAMES), [0.0] * len(NAMES)
    low[1], high[1] = -10.0, 10.0
    assert model.predict(model.scale(low)) < 0.5 < model.predict(model.scale(high))


def test_state_of_another_format_is_refused() -> None:
    assert online.is_known(FRESH)
    for foreign in (b"", LEARNING, b"lin0" + FRESH[4:], FRESH + b"\0", b"\x80\x04pickled"):
        assert not online.is_known(foreign)
        with pytest.raises(ValueError, match="not a state"):
            Linear(foreign)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e308])
def test_a_lesson_that_breaks_the_state_is_told(bad: float) -> None:
    model = Linear()
    for values, up in examples(10):
        model.learn(values, up)
    assert model.sound
    before = model.dumped
    model.learn([bad] * len(NAMES), True)
    model.learn([-1.0] * len(NAMES), True)
    assert not model.sound
    assert Linear(before).sound


def test_an_interrupted_lesson_leaves_a_state_that_equals_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Linear()

    def fail(**_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(model._regression, "learn_one", fail)
    with pytest.raises(RuntimeError):
        model.learn([1.0] * len(NAMES), True)
    assert model.dumped == LEARNING


def test_outliers_are_one_far_or_three_high() -> None:
    names = list(NAMES)
    quiet = dict.fromkeys(names, 1.0)
    assert not online.is_outlier(quiet)
    assert online.is_outlier(quiet | {names[0]: -8.1})
    assert not online.is_outlier(quiet | {names[0]: 6.0, names[1]: -6.0})
    assert online.is_outlier(quiet | {names[0]: 6.0, names[1]: -6.0, names[2]: 5.1})
