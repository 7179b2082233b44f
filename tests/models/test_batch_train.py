"""Batch versions find the signal that is there, none where there is none, and come again to the byte."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from models import registry, skill
from models.batch.config import Config
from models.batch.fit import ALGORITHMS
from models.batch.scorer import PLATT, FormatUnsupported, Platt, Scorer, encoded, hexes
from models.batch.split import TooFew
from models.batch.train import Trained
from models.features import VECTOR
from models.registry import Refused, check_golden
from tests.train.again import CONFIG, told, trained
from tests.train.rows import MODEL, SECOND_NS, chance, examples

pytestmark = pytest.mark.batch
ROWS = 8_600
HOURS = 180 * SECOND_NS
"""A step at which the test spans 32 hours, enough to be judged."""

STRENGTH = 3.0


@pytest.fixture(scope="module")
def good() -> list[Trained]:
    return trained(examples(ROWS, step_ns=HOURS, strength=STRENGTH))


def test_the_same_rows_and_settings_give_the_same_bytes(good: list[Trained]) -> None:
    again = trained(examples(ROWS, step_ns=HOURS, strength=STRENGTH))
    assert [each.files for each in again] == [each.files for each in good]
    assert told(again) == told(good)


def test_another_process_with_another_hash_seed_gives_the_same_bytes(
    good: list[Trained], tmp_path: Path
) -> None:
    path = tmp_path / "examples.json"
    path.write_bytes(msgspec.json.encode(examples(ROWS, step_ns=HOURS, strength=STRENGTH)[::-1]))
    environment = os.environ | {"PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "tests.train.again", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == told(good)


def test_another_seed_or_another_row_is_another_version(good: list[Trained]) -> None:
    rows = examples(ROWS, step_ns=HOURS, strength=STRENGTH)
    names = {each.version.version for each in good}
    for other in trained(rows, msgspec.structs.replace(CONFIG, seed=8)), trained(rows[:-1]):
        assert not names & {each.version.version for each in other}


def test_both_algorithms_come_near_the_best_that_can_be_known(good: list[Trained]) -> None:
    rows = examples(ROWS, step_ns=HOURS, strength=STRENGTH)[-ROWS * 15 // 100 :]
    truth = np.array([chance(VECTOR.unpack(row.vector), STRENGTH) for row in rows])
    best = skill.auc(truth, np.array([row.y for row in rows]))
    assert best is not None
    assert [each.version.algorithm for each in good] == list(ALGORITHMS)
    for each in good:
        assert each.metrics["auc"] == pytest.approx(best, abs=0.03)
        assert each.version.state == "registered", each.refusals
        assert each.metrics["strategy"]["periods"] >= 30


@pytest.mark.parametrize("how", [pytest.param("permuted", marks=pytest.mark.soak), "none"])
def test_where_there_is_no_signal_none_is_found_and_nothing_is_traded(how: str) -> None:
    rows = examples(20_000, strength=0.0 if how == "none" else STRENGTH, cost_bps=2.0)
    if how == "permuted":
        labels = [(row.y, row.r_bps) for row in rows]
        Random(5).shuffle(labels)
        rows = [
            msgspec.structs.replace(row, y=y, r_bps=r_bps)
            for row, (y, r_bps) in zip(rows, labels, strict=True)
        ]
    for each in trained(rows):
        assert each.metrics["auc"] == pytest.approx(0.5, abs=0.03)
        assert each.metrics["strategy"]["trades"] == 0
        assert any(why.startswith("not_evaluable") for why in each.refusals)
        assert each.version.state == "rejected"


def test_a_feature_that_knows_the_future_is_found_out_and_named() -> None:
    for each in trained(examples(ROWS, step_ns=HOURS, leak=True)):
        assert each.version.state == "rejected"
        assert each.refusals[0].startswith("leakage_suspected: AUC ")
        assert "ofi_1s" in each.refusals[0].partition(" with ")[2].split(",")[0]


def test_rows_below_the_minimum_are_too_few() -> None:
    with pytest.raises(TooFew):
        trained(examples(7_000))


def test_a_feature_that_is_left_out_has_no_part_in_any_answer() -> None:
    config = Config(MODEL, 0, 2**62, left_out=("queue_imb",))
    for each in trained(examples(ROWS, step_ns=HOURS, strength=STRENGTH), config):
        scorer = Scorer(each.version, each.files)
        vector = [0.1] * len(each.version.clip)
        other = [*vector[:1], 0.9, *vector[2:]]
        assert scorer.predict(vector) == scorer.predict(other)
        assert not each.version.required & 0b10
        assert each.metrics["auc"] == pytest.approx(0.5, abs=0.05)


def test_a_version_is_loaded_only_with_the_bytes_and_the_answers_it_was_made_with(
    good: list[Trained],
) -> None:
    for each in good:
        version, files = each.version, each.files
        check_golden(version, Scorer(version, files).predict)
        assert registry.files(version, _Kept(files)) == files
        for name, content in files.items():
            flipped = bytearray(content)
            flipped[len(flipped) // 2] ^= 1
            with pytest.raises(Refused, match="sha256"):
                registry.files(version, _Kept(files | {name: bytes(flipped)}, files))
        steeper = encoded(Platt(*hexes((1.01, 0.0))))
        with pytest.raises(Refused, match="golden"):
            check_golden(version, Scorer(version, files | {PLATT: steeper}).predict)


def test_a_format_that_the_code_does_not_know_is_refused(good: list[Trained]) -> None:
    for each in good:
        for change in ({"format": "lightgbm-text-99"}, {"algorithm": "pickle"}):
            with pytest.raises(FormatUnsupported):
                Scorer(msgspec.structs.replace(each.version, **change), each.files)
        with pytest.raises(FormatUnsupported):
            Scorer(each.version, {})


def test_who_scores_trees_imports_neither_scikit_learn_nor_pandas() -> None:
    code = (
        "import sys; from models.batch import scorer; assert 'lightgbm' not in sys.modules; "
        "scorer.load_lightgbm(); assert 'lightgbm' in sys.modules; "
        "print(sorted({'sklearn', 'pandas', 'pyarrow'} & {name for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class _Kept:
    """Artefacts in memory; `under`: what the bytes should have been, by name."""

    def __init__(self, files: dict[str, bytes], under: dict[str, bytes] | None = None) -> None:
        named = under or files
        self._found = {registry.file(name, named[name]).sha256: files[name] for name in files}

    def get(self, sha256: str) -> bytes:
        return self._found[sha256]
