"""What labels lead to beside learning: scores are published, drift holds a symbol, an overconfident scale restarts."""

from collections import Counter

import msgspec
import pytest

from agents import lessons
from agents.learner_tables import MODELS, place_of
from models.online import versions
from models.online.pipelines import PassiveAggressive
from models.rebuilding import rebuild
from streams import topics
from streams.predictions import Example, Features, Prediction
from tests.market import drive
from tests.market.drive import SYMBOL
from tests.market.test_honesty import market
from tests.market.test_serving import BATCH, Half, alias, tables_with
from tests.market.test_serving import version as batch_version
from tests.market.vectors import walk

FAST = MODELS[0].name
PLACE = place_of(FAST, SYMBOL)


@pytest.fixture(scope="module")
def turned() -> tuple[list[Prediction], drive.Tables]:
    """Predictions on a market whose signal turns around after 1,500 vectors."""
    before = market(lambda imbalance: 0.5 + 0.48 * imbalance)[:1_500]
    after = market(lambda imbalance: 0.5 - 0.48 * imbalance)[1_500:2_700]
    tables = drive.Tables()
    outputs = drive.learn(tables, [*before, *after])
    made: list[Prediction] = drive.of(topics.PREDICTIONS, outputs)
    return [each for each in made if each.model == FAST], tables


def test_a_version_that_became_worse_is_told_of_and_its_symbol_held(
    turned: tuple[list[Prediction], drive.Tables],
) -> None:
    made, _ = turned
    told = [number for number, each in enumerate(made) if "drift:lin" in each.flags]
    assert told, "the signal turned around"
    assert 1_500 < told[0] < 1_800
    held = made[told[0]]
    assert (held.served.version, held.served.abstain) == ("lin", "drift_hold")
    assert any(each.version == "lin" and each.p is not None for each in held.outputs)
    assert {each.served.abstain for each in made[told[0] : told[0] + 150]} == {"drift_hold"}


def test_nothing_is_held_before(turned: tuple[list[Prediction], drive.Tables]) -> None:
    made, _ = turned
    reasons = Counter(each.served.abstain for each in made[:1_500])
    assert reasons.keys() <= {"", "not_enough_labels", "out_of_distribution"}


def test_the_mixture_forgets_half_at_the_alarm(
    turned: tuple[list[Prediction], drive.Tables],
) -> None:
    made, _ = turned
    alarm = next(number for number, each in enumerate(made) if "drift:lin" in each.flags)
    before, after = dict(made[alarm - 1].weights), dict(made[alarm].weights)
    assert abs(before["lin"] - 0.5) > 0.05
    assert abs(after["lin"] - 0.5) == pytest.approx(abs(before["lin"] - 0.5) / 2, abs=0.01)


def test_scores_are_published_once_in_a_hundred_labels() -> None:
    vectors: list[Features] = market(lambda imbalance: 0.5 + 0.4 * imbalance)[:1_400]
    outputs = drive.learn(drive.Tables(), vectors)
    scored = [
        each for each in drive.of(topics.PREDICTIONS, outputs) if each.scores and each.model == FAST
    ]
    labelled = [
        each
        for each in drive.of(topics.EXAMPLES, outputs)
        if isinstance(each, Example) and each.model == FAST and each.y is not None
    ]
    assert len(scored) == len(labelled) // 100
    last = {each.version: each for each in scored[-1].scores}
    assert set(last) == {*versions.INLINE, "mix"}
    assert last["prior"].labels == 1_000, "the last ten blocks"
    window = labelled[len(scored) * 100 - 1_000 : len(scored) * 100]
    known = [
        (answer.p, example.y)
        for example in window
        for answer in example.outputs
        if answer.version == "lin" and answer.p is not None and example.y is not None
    ]
    brier = sum((p - y) ** 2 for p, y in known) / len(known)
    assert last["lin"].brier == pytest.approx(brier)
    assert last["lin"].labels == len(known)


@pytest.mark.parametrize("version", [*versions.INLINE, f"calib.{BATCH}"])
def test_learned_again_from_its_examples_a_version_has_the_same_state(version: str) -> None:
    tables = tables_with(batch_version(), **{BATCH: Half(0.7)})
    drive.alias(tables, alias(1, "lin", shadows=(BATCH,)))
    vectors = [*walk(500)]
    vectors[100] = msgspec.structs.replace(vectors[100], ready=0)
    vectors[200] = msgspec.structs.replace(vectors[200], set_hash="0" * 16)
    examples: list[Example] = drive.of(topics.EXAMPLES, drive.learn(tables, vectors))
    kept = tables.learners[PLACE].kept(version)
    running = versions.make(version, kept.state)
    mine = [example for example in examples if example.model == FAST]
    again = rebuild(version, mine, {SYMBOL: running.learned})
    assert running.learned > 200
    assert again[SYMBOL].state == running.state


def test_an_overconfident_scale_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "MISCALIBRATED", -1.0)
    vectors = market(lambda imbalance: 0.5 + 0.4 * imbalance)[:1_150]
    tables = drive.Tables()
    drive.learn(tables, vectors[:990])
    scale = PassiveAggressive.FORMAT.numbers(tables.learners[PLACE].kept("pa").state)[2:4]
    drive.learn(tables, vectors[990:], 990)
    row = tables.learners[PLACE]
    assert row.recalibrated == 10
    again = PassiveAggressive.FORMAT.numbers(row.kept("pa").state)
    assert scale != [1.0, 0.0] != again[2:4]
    assert again[1] > 1_000, "the classifier goes on"
