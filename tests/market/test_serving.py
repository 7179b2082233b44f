"""Which version serves which record: aliases at event times, canaries, batch versions, holds."""

import math
from collections import Counter
from typing import Any

import msgspec
import pytest

from agents.learner_tables import MODELS, place_of
from models.drift import Hold
from models.features import READY_SOON, SET_HASH
from models.labels import UP_1S
from models.serving import Aliases, Scorer, Serving, Unavailable, default
from streams import topics
from streams.predictions import Alias, Answer, Features, ModelVersion, Prediction
from tests.market import drive
from tests.market.drive import MS, SECOND, START, SYMBOL
from tests.market.test_learner import of
from tests.market.vectors import features, walk

FAST = MODELS[0].name
BATCH = "v0123456789ab"


class Half:
    """A batch version that always says the same."""

    def __init__(self, p: float) -> None:
        self._p = p

    def predict(self, vector: object) -> float:
        return self._p


class Shelf:
    """Batch versions by name."""

    def __init__(self, **found: Scorer | Unavailable) -> None:
        self.found = found

    def get(self, version: ModelVersion) -> Scorer | Unavailable:
        return self.found.get(version.version, "model_missing")


def alias(epoch: int, champion: str, ms: int = 0, **more: object) -> Alias:
    made = Alias(FAST, epoch, champion, START + ms * MS, "promote")
    return msgspec.structs.replace(made, **more)


def version(name: str = BATCH, **more: Any) -> ModelVersion:
    made = ModelVersion(
        FAST, name, "batch", "logistic", "logistic-json-1", SET_HASH, UP_1S.hash, cutoff=START
    )
    return msgspec.structs.replace(made, **more)


def tables_with(*versions: ModelVersion, **found: Scorer | Unavailable) -> drive.Tables:
    tables = drive.Tables(scorers=Shelf(**found))
    for each in versions:
        drive.LEARNER.on_version(drive.event_of(topics.REGISTRY, each), tables)
    return tables


def predicted(tables: drive.Tables, vectors: list[Features], first: int = 0) -> list[Prediction]:
    made = drive.of(topics.PREDICTIONS, drive.learn(tables, vectors, first))
    return [each for each in made if each.model == FAST]


def served(tables: drive.Tables, vectors: list[Features], first: int = 0) -> list[str]:
    return [each.served.version for each in predicted(tables, vectors, first)]


def test_swap_is_at_the_first_record_at_or_past_its_time_within_a_chunk() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "prior", 500))
    vectors = [features(ms) for ms in (0, 400, 499, 500, 600)]
    assert served(tables, vectors) == ["lin", "lin", "lin", "prior", "prior"]


def test_two_partitions_swap_at_the_same_time_whatever_they_have_read() -> None:
    cells = [drive.Tables(), drive.Tables()]
    for cell in cells:
        drive.alias(cell, alias(1, "qi", 1_000))
    assert served(cells[0], [features(ms) for ms in (0, 900, 2_500)]) == ["lin", "lin", "qi"]
    assert served(cells[1], [features(ms) for ms in (999, 1_000)]) == ["lin", "qi"]


def test_lower_epoch_changes_nothing() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(5, "qi"))
    drive.alias(tables, alias(4, "prior"))
    drive.alias(tables, alias(5, "prior"))
    assert served(tables, [features(0)]) == ["qi"]


def test_aliases_to_come_wait_in_line() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "qi", 100))
    drive.alias(tables, alias(2, "prior", 300))
    vectors = [features(ms) for ms in (0, 100, 200, 300)]
    assert served(tables, vectors) == ["lin", "qi", "qi", "prior"]


def test_late_alias_serves_from_the_next_record_on_and_is_told_of_once() -> None:
    tables = drive.Tables()
    before = predicted(tables, [features(0), features(1_000)])
    drive.alias(tables, alias(1, "qi", 500), clock_ns=START + SECOND)
    after = predicted(tables, [features(1_100), features(1_200)], 2)
    assert [each.served.version for each in before] == ["lin", "lin"]
    assert [each.served.version for each in after] == ["qi", "qi"]
    assert ["alias_late" in each.flags for each in after] == [True, False]


def test_restart_after_a_swap_is_not_late() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "qi", -5_000))
    assert predicted(tables, [features(0)])[0].flags == ()


def test_canary_serves_its_share_of_symbol_minutes() -> None:
    given = alias(1, "lin", challenger="qi", canary_fraction=0.25)
    serving = Serving(given)
    minutes = range(10_000)
    shares = Counter(serving.is_canary(SYMBOL, START + m * 60 * SECOND) for m in minutes)
    assert 0.23 < shares[True] / len(minutes) < 0.27
    minute = START // (60 * SECOND) * 60 * SECOND
    for start in range(minute, minute + 600 * SECOND, 60 * SECOND):
        within = {serving.is_canary(SYMBOL, start + second * SECOND) for second in range(60)}
        assert len(within) == 1, "a minute is served by one version"
    assert not any(Serving(alias(1, "lin", challenger="qi")).is_canary(SYMBOL, m) for m in minutes)


def test_canary_is_served_by_the_challenger_and_says_so() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "lin", challenger="prior", canary_fraction=1.0))
    made = predicted(tables, [features(0)])[0]
    assert (made.served.version, made.served.role) == ("prior", "challenger")
    assert "canary" in made.flags


def test_roles_are_those_of_the_alias() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "qi", challenger="pa"))
    roles = {each.version: each.role for each in predicted(tables, [features(0)])[0].outputs}
    assert roles.pop("qi") == "champion"
    assert roles.pop("pa") == "challenger"
    assert set(roles.values()) == {"shadow"}


def test_batch_champion_serves_and_brings_its_calibration() -> None:
    tables = tables_with(version(), **{BATCH: Half(0.75)})
    drive.alias(tables, alias(1, BATCH))
    made = predicted(tables, walk(900))[-1]
    assert made.served == Answer(BATCH, 0.75, "", 0, "champion")
    assert of(made, f"calib.{BATCH}").p is not None
    assert dict(made.weights).keys() == {"lin", "prior", BATCH, f"calib.{BATCH}"}
    assert sum(dict(made.weights).values()) == pytest.approx(1)


def test_new_batch_champion_takes_over_the_calibration() -> None:
    other = "vba9876543210"
    shelf = {BATCH: Half(0.75), other: Half(0.25)}
    tables = tables_with(version(), version(other), **shelf)
    drive.alias(tables, alias(1, BATCH))
    predicted(tables, walk(400))
    learned = tables.learners[place_of(FAST, SYMBOL)].kept(f"calib.{BATCH}")
    drive.alias(tables, alias(2, other))
    made = predicted(tables, walk(401)[400:], 400)[0]
    row = tables.learners[place_of(FAST, SYMBOL)]
    assert [name for name in row.versions if name.startswith("calib.")] == [f"calib.{other}"]
    assert of(made, f"calib.{other}").learned > 100
    assert learned.state[:12] == row.kept(f"calib.{other}").state[:12]


@pytest.mark.parametrize("reason", ["model_missing", "format_unsupported"])
def test_alias_of_a_version_that_cannot_be_loaded_is_refused(reason: str) -> None:
    tables = tables_with(version(), **{BATCH: reason})
    drive.alias(tables, alias(1, "qi"))
    drive.alias(tables, alias(2, BATCH))
    made = predicted(tables, [features(0)])[0]
    assert made.served.version == "qi", "the present one keeps serving"
    assert f"refused:{BATCH}" in made.flags


def test_version_that_comes_late_serves_from_its_next_record_on() -> None:
    tables = tables_with(version(), **{BATCH: "model_missing"})
    drive.alias(tables, alias(1, BATCH))
    assert served(tables, [features(0)]) == ["lin"]
    assert isinstance(tables.scorers, Shelf)
    tables.scorers.found[BATCH] = Half(0.6)
    assert served(tables, [features(100)], 1) == [BATCH]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"set_hash": "0" * 16}, "feature_set"),
        ({"spec": "0" * 16}, "format_unsupported"),
        ({"state": "rejected"}, "format_unsupported"),
        ({"required": 1 << 60}, "warming_up"),
        ({"cutoff": START - 8 * 86_400 * SECOND}, "model_expired"),
        ({"cutoff": START - 90 * SECOND, "max_age_ns": 60 * SECOND}, "model_expired"),
    ],
)
def test_batch_version_abstains_by_reason(changed: dict[str, Any], reason: str) -> None:
    tables = tables_with(version(**changed), **{BATCH: Half(0.6)})
    drive.alias(tables, alias(1, "lin", shadows=(BATCH,)))
    answer = of(predicted(tables, [features(0)])[0], BATCH)
    assert (answer.p, answer.abstain) == (None, reason)


def test_output_that_is_no_number_is_an_abstain() -> None:
    tables = tables_with(version(), **{BATCH: Half(math.nan)})
    drive.alias(tables, alias(1, BATCH))
    assert predicted(tables, [features(0)])[0].served.abstain == "nonfinite_output"


def test_champion_below_its_costs_is_scored_but_not_served() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "prior", below_cost=True))
    made = predicted(tables, [features(0)])[0]
    assert (made.served.p, made.served.abstain) == (None, "edge_below_cost")
    assert of(made, "prior").p == 0.5
    assert "below_cost" in made.flags


def test_held_symbol_is_scored_but_not_served() -> None:
    tables = drive.Tables()
    drive.alias(tables, alias(1, "prior"))
    predicted(tables, [features(0)])
    row = tables.learners.edit(place_of(FAST, SYMBOL))
    assert row is not None
    row.hold = Hold()
    made = predicted(tables, [features(100)], 1)[0]
    assert (made.served.p, made.served.abstain) == (None, "drift_hold")
    assert of(made, "prior").p is not None


def test_when_most_labels_fail_to_come_nothing_is_served() -> None:
    """Steps of a second and a half: no record comes within the grace of a label."""
    tables = drive.Tables()
    drive.alias(tables, alias(1, "prior"))
    made = predicted(tables, [features(2_000 * n) for n in range(150)])
    assert made[90].served.p is not None
    assert made[-1].served.abstain == "not_enough_labels"


def test_default_is_lin_with_all_others_as_shadows() -> None:
    assert default(FAST).champion == "lin"
    made = predicted(drive.Tables(), [features(0)])[0]
    names = [each.version for each in made.outputs]
    assert names == ["prior", "no_change", "qi", "lin", "lin_adam", "pa", "mix"]


def test_kept_aliases_are_bounded_and_restored() -> None:
    known = Aliases()
    for epoch in range(1, 30):
        known = known.after(alias(epoch, "qi", epoch), 0)
    assert len(known.known) == 8
    assert msgspec.json.decode(msgspec.json.encode(known), type=Aliases) == known


def test_required_bits_are_those_that_come_within_seconds() -> None:
    tables = drive.Tables()
    predicted(tables, walk(400))
    made = predicted(tables, [features(50_000, ready=READY_SOON)], 400)[0]
    assert made.served.p is not None
