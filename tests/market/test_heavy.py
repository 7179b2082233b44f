"""The heavy lane: slow versions that learn apart, and are restored by learning the same lessons again."""

import random
from collections.abc import Iterable

import msgspec
import pytest

from agents.cells import HeavyTables
from agents.handler import Output
from agents.learner import Learner
from agents.learner_tables import HEAVY, MODELS, Lane, place_of
from models import folding
from models.online import trees, versions
from models.online.trees import Tree
from streams import topics
from streams.predictions import Alias, Features, Prediction
from tests.market import drive
from tests.market.drive import SYMBOL
from tests.market.vectors import walk

HANDLERS = Learner(HEAVY, "learner-heavy")
FAST = MODELS[0].name
PLACE = place_of(FAST, SYMBOL)
Log = list[tuple[bytes, bytes | None]]


def learn(
    tables: HeavyTables, vectors: Iterable[Features], first: int = 0, of: Learner = HANDLERS
) -> list[Output]:
    return list(drive.run(of.on_features, tables, topics.FEATURES, vectors, first))


def only(*names: str) -> Learner:
    """The lane with these versions alone."""
    return Learner(Lane("heavy", names, thins=True), "learner-heavy")


def commit(tables: HeavyTables) -> Log:
    changes = [change for table in tables.all() for change in table.seal()]
    for table in tables.all():
        table.publish()
    return changes


def restored(log: Log) -> HeavyTables:
    tables = HeavyTables(0)
    by_name = {table.name: table for table in tables.all()}
    for key, value in log:
        name, _, rest = key.decode().partition("|")
        by_name[name].load(rest, value)
    for _ in tables.rebuild():
        pass
    return tables


def state_hash(tables: HeavyTables, version: str) -> str:
    online = tables.learners.online(PLACE, version, tables.learners[PLACE].kept(version).state)
    assert isinstance(online, Tree)
    return online.state_hash()


@pytest.fixture(scope="module")
def vectors() -> list[Features]:
    """Half a second apart, so that every second label is a lesson."""
    return walk(700, step_ms=500)


@pytest.fixture(scope="module")
def whole(vectors: list[Features]) -> tuple[HeavyTables, list[Output], Log]:
    tables = HeavyTables(0)
    return tables, learn(tables, vectors), commit(tables)


def test_it_answers_as_heavy_and_tells_no_labels(
    whole: tuple[HeavyTables, list[Output], Log],
) -> None:
    _, outputs, _ = whole
    assert {output.topic for output in outputs} == {topics.PREDICTIONS, topics.EXAMPLES}
    last: Prediction = drive.of(topics.PREDICTIONS, outputs)[-2]
    assert (last.model, last.lane) == (FAST, "heavy")
    assert [each.version for each in last.outputs] == [*versions.BASELINES, *versions.HEAVY]
    assert all(each.p is not None for each in last.outputs)
    assert last.served.version == "", "the inline lane holds the champion"


def test_it_serves_when_it_holds_the_champion(vectors: list[Features]) -> None:
    tables = HeavyTables(0)
    told = drive.event_of(topics.ALIAS, Alias(FAST, 1, versions.HT, 0, "promote"))
    HANDLERS.on_alias(told, tables)
    made: Prediction = drive.of(topics.PREDICTIONS, learn(tables, vectors[:3]))[0]
    assert (made.served.version, made.served.abstain) == ("ht", "not_enough_labels")
    inline = drive.Tables()
    drive.alias(inline, told.message)
    made = drive.of(topics.PREDICTIONS, drive.learn(inline, vectors[:3]))[0]
    assert made.served.version == ""


def test_it_learns_labels_that_overlap_with_none_before(
    whole: tuple[HeavyTables, list[Output], Log],
) -> None:
    tables, _, _ = whole
    learned_at = [lesson.known_at for _, lesson in tables.lessons.items()]
    place = [key for key, _ in tables.lessons.items()]
    fast = [at for at, key in zip(learned_at, place, strict=True) if key.startswith(PLACE)]
    assert len(fast) > 200
    gaps = [later - sooner for sooner, later in zip(fast, fast[1:], strict=False)]
    assert min(gaps) >= MODELS[0].spec.horizon_ns


def test_restored_and_discarded_chunks_change_no_answer(vectors: list[Features]) -> None:
    seat, vectors = only(versions.HAT, versions.ARF3), vectors[:400]
    expected = learn(HeavyTables(0), vectors, 0, seat)
    draw, tables, outputs, log, first = random.Random(5), HeavyTables(0), [], [], 0
    while first < len(vectors):
        chunk = vectors[first : first + draw.choice([7, 90, 250])]
        if draw.random() < 0.3:
            learn(tables, chunk[: draw.randrange(len(chunk))], first, seat)
            for table in tables.all():
                table.discard()
        outputs += learn(tables, chunk, first, seat)
        log += commit(tables)
        first += len(chunk)
        if draw.random() < 0.3:
            tables = restored(log)
    assert outputs == expected


def test_restored_from_the_log_every_version_has_the_same_state_hash(
    whole: tuple[HeavyTables, list[Output], Log],
) -> None:
    tables, _, log = whole
    again = restored(log)
    for version in versions.HEAVY:
        assert state_hash(again, version) == state_hash(tables, version)


@pytest.mark.parametrize("is_same_library", [True, False])
def test_another_hash_at_a_checkpoint_disables_under_the_same_libraries_only(
    is_same_library: bool, vectors: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "CHECKPOINT_LESSONS", 20)
    tables = HeavyTables(0)
    learn(tables, vectors[:200], 0, only(versions.HT))
    log = commit(tables)
    for key, found in list(tables.checkpoints.items()):
        assert found.stamps == trees.STAMPS
        stamps = found.stamps if is_same_library else ("0.0", *found.stamps[1:])
        forged = msgspec.structs.replace(found, state_hash="0" * 64, stamps=stamps)
        tables.checkpoints.put(key, forged)
    log += commit(tables)
    again = restored(log)
    online = again.learners.online(PLACE, versions.HT, again.learners[PLACE].kept("ht").state)
    assert online.sound is not is_same_library


def test_what_is_kept_is_bounded_and_a_fresh_start_goes_on_with_the_last_lessons(
    vectors: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "LESSONS_MAX", 40)
    monkeypatch.setattr(folding, "LESSONS_KEPT", 10)
    tables = HeavyTables(0)
    learn(tables, vectors[:400], 0, only(versions.HAT, versions.NB))
    log = commit(tables)
    row = tables.learners[PLACE]
    kept = [key for key, _ in tables.lessons.items() if key.startswith(PLACE)]
    assert len(kept) == row.lessons - row.first < 40 < row.lessons
    again = restored(log)
    for version in (versions.HAT, versions.NB):
        assert state_hash(again, version) == state_hash(tables, version)


def test_seeds_are_of_the_version_and_the_symbol() -> None:
    seeds = {trees.seed(v, s) for v in versions.HEAVY for s in ("BTC/USD.SIM", "ETH/USD.SIM")}
    assert len(seeds) == 2 * len(versions.HEAVY)
    assert trees.seed("ht", "BTC/USD.SIM") == trees.seed("ht", "BTC/USD.SIM")
