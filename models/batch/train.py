"""A training without its surroundings: rows in, versions with their files and their verdicts out; no clock, no store.

`fit` sees train and validation rows only. `judge` scores the test, once; a caller counts that look before it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from models import golden, registry, skill
from models.batch import fit as fitting
from models.batch import platt, shift, strategy, verdict
from models.batch.config import Config
from models.batch.frame import FeatureSet, Frame, Read
from models.batch.prepare import Prepared, prepare
from models.batch.scorer import FORMATS, PLATT, SCALER, Platt, Scaler, Scorer, encoded, hexes
from models.batch.split import Parts, embargo_ns, split
from models.labels import LabelSpec
from models.quality.training import TrainingRules
from streams.predictions import ModelVersion

UNSCALED = encoded(Platt(*hexes((1.0, 0.0))))


class Task(NamedTuple):
    """What is to be learned. provenance: code commit and library versions, into the manifest as they are."""

    config: Config
    features: FeatureSet
    spec: LabelSpec
    provenance: Mapping[str, str]


class Fitted(NamedTuple):
    """One algorithm's version before its test."""

    draft: ModelVersion
    files: dict[str, bytes]
    importance: dict[str, float]


class Trained(NamedTuple):
    """A version that was judged; refusals: why it may never serve."""

    version: ModelVersion
    files: dict[str, bytes]
    metrics: dict[str, Any]
    refusals: list[str]


class Ready(NamedTuple):
    """The parts and what was learned of the train rows. used: the features that have a part in any answer."""

    parts: Parts
    prepared: Prepared
    used: tuple[bool, ...]


def prepared(read: Read, task: Task) -> Ready:
    """Cut and weigh the rows. Raises TooFew."""
    parts = split(read.frame, embargo_ns(task.spec.horizon_ns), task.config.rows_min)
    used = tuple(
        bool(read.required >> bit & 1) and name not in task.config.left_out
        for bit, name in enumerate(task.features.names)
    )
    return Ready(parts, _only(used, prepare(parts.train)), used)


def quality(ready: Ready, task: Task) -> tuple[dict[str, Any], TrainingRules]:
    """The train rows as the quality suite takes them, and the rules that they must keep."""
    parts, rows_min = ready.parts, task.config.rows_min[0]
    known_by = parts.train_end - parts.embargo
    weight = ready.prepared.weight
    return suite(parts.train, weight, task.features, ready.used, known_by, rows_min=rows_min)


def suite(
    rows: Frame,
    weight: skill.Floats,
    features: FeatureSet,
    used: Sequence[bool],
    known_by: int,
    *,
    rows_min: int,
) -> tuple[dict[str, Any], TrainingRules]:
    """Rows with the features in use, as the quality suite takes them. known_by: ns; no label may be known later."""
    every = zip(features.names, features.clip, rows.x.T, used, strict=True)
    kept = [(name, clip, column) for name, clip, column, yes in every if yes]
    names, clips, columns = zip(*kept, strict=True)
    given = {
        "symbol": rows.symbol,
        "t0": rows.t0,
        "known_at": rows.known_at,
        "y": rows.y,
        "w": weight,
        "set_hash": np.full(len(rows), features.hash),
    }
    rules = TrainingRules(names, clips, known_by, 0, rows_min)
    return dict(zip(names, columns, strict=True)) | given, rules


def fit(ready: Ready, task: Task) -> list[Fitted]:
    """A version by each algorithm: fitted on train, stopped and scaled on validation."""
    return [_fit(algorithm, ready, task) for algorithm in fitting.ALGORITHMS]


def judge(fitted: Fitted, ready: Ready, read: Read, task: Task) -> Trained:
    """Score the test rows, and make the version with what they say of it."""
    test, train = ready.parts.test, ready.parts.train
    p = _answers(Scorer(fitted.draft, fitted.files), test)
    taken = strategy.trades(test, p.tolist(), float(np.mean(np.abs(train.r_bps))))
    start, end = int(test.t0[0]), int(test.known_at.max())
    earned = strategy.measure(taken, start, end)
    auc = skill.auc(p, test.y)
    refusals = verdict.refusals(
        task.features.name, auc, earned, fitted.importance, task.config.thresholds
    )
    metrics = _metrics(p, test, ready) | {"auc": auc, "strategy": earned._asdict()}
    manifest = {
        **_manifest(ready, read, task),
        "metrics": metrics,
        "importance": fitted.importance,
        "refusals": refusals,
    }
    version = msgspec.structs.replace(
        fitted.draft,
        manifest=registry.canonical(manifest),
        state="rejected" if refusals else "registered",
    )
    return Trained(registry.stamped(version), fitted.files, metrics, refusals)


def _only(used: tuple[bool, ...], found: Prepared) -> Prepared:
    """Features that are not used stand still at zero."""
    return found._replace(
        clip=tuple(c if yes else (0.0, 0.0) for c, yes in zip(found.clip, used, strict=True)),
        mean=tuple(m if yes else 0.0 for m, yes in zip(found.mean, used, strict=True)),
        deviation=tuple(d if yes else 1.0 for d, yes in zip(found.deviation, used, strict=True)),
    )


def _fit(algorithm: str, ready: Ready, task: Task) -> Fitted:
    parts, found, _ = ready
    names = task.features.names
    files = fitting.fit(algorithm, names, parts.train, parts.validation, found, task.config)
    files[SCALER] = encoded(Scaler(hexes(found.mean), hexes(found.deviation)))
    draft = _draft(algorithm, ready, task)
    scorer = Scorer(draft, files | {PLATT: UNSCALED})
    scores = [scorer.raw(row) for row in parts.validation.x.tolist()]
    files[PLATT] = encoded(Platt(*hexes(platt.fit(scores, parts.validation.y.tolist()))))
    scorer = Scorer(draft, files)
    draft = msgspec.structs.replace(
        draft,
        files=tuple(registry.file(name, files[name]) for name in sorted(files)),
        golden=golden.digest(map(scorer.predict, golden.vectors(set_hash=task.features.hash))),
    )
    return Fitted(draft, files, fitting.importance(algorithm, names, files))


def _draft(algorithm: str, ready: Ready, task: Task) -> ModelVersion:
    """All that the version says of itself before its files are known."""
    return ModelVersion(
        model=task.config.model,
        version="",
        kind="batch",
        algorithm=algorithm,
        format=FORMATS[algorithm],
        set_hash=task.features.hash,
        spec=task.spec.hash,
        required=sum(1 << bit for bit, yes in enumerate(ready.used) if yes),
        seed=task.config.seed,
        clip=ready.prepared.clip,
        cutoff=ready.parts.validation_end,
        max_age_ns=task.config.max_age_ns,
    )


def _answers(scorer: Scorer, frame: Frame) -> skill.Floats:
    """One at a time, by the code that serves."""
    return np.array([scorer.predict(row) for row in frame.x.tolist()])


def _metrics(p: skill.Floats, test: Frame, ready: Ready) -> dict[str, Any]:
    """Against the majority of the train rows as well."""
    accuracy = skill.accuracy(p, test.y)
    majority = int(ready.parts.train.y.mean() > 0.5)
    return {
        "rows": len(test),
        "logloss": skill.logloss(p, test.y),
        "brier": skill.brier(p, test.y),
        "ece": skill.ece(p, test.y),
        "accuracy": accuracy,
        "kappa_m": skill.kappa(accuracy, float(np.mean(test.y == majority))),
    }


def _manifest(ready: Ready, read: Read, task: Task) -> dict[str, Any]:
    """Where the version comes from."""
    parts = ready.parts
    columns = zip(task.features.names, parts.train.x.T, ready.used, strict=True)
    return {
        "bins": {name: msgspec.to_builtins(shift.bins(x)) for name, x, yes in columns if yes},
        "config": msgspec.to_builtins(task.config),
        "config_sha256": task.config.sha256(),
        "dataset_sha256": read.frame.sha256(),
        "label": {"name": task.spec.name, "horizon_ns": task.spec.horizon_ns},
        "rows": {"train": len(parts.train), "validation": len(parts.validation)},
        "left_out": read.left_out,
        "offsets": read.offsets,
        "split": {"train_end": parts.train_end, "validation_end": parts.validation_end},
        "embargo": parts.embargo,
        "purged": parts.purged,
        "provenance": dict(task.provenance),
    }
