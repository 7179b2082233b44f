"""From the log of a model to its report: the figures, the curves of the page, and the two files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.batch import known
from models.batch.frame import FeatureSet
from models.labels import LabelSpec
from models.report import evaluation, marks
from models.report.answers import SERVED, Answers, collect
from models.report.earnings import positions
from models.report.shift import shifts
from streams.predictions import Example, Prediction

JSON, HTML = "evaluation.json", "evaluation.html"
CURVES_MAX = 3


def make(
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    spec: LabelSpec,
    sources: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The evaluation of one model's examples, and the curves to plot. predictions: what was served, and its flags."""
    answers = collect(examples)
    reasons = Counter(each.served.abstain for each in predictions if each.served.abstain)
    if reasons:
        answers.abstained[SERVED] = reasons
    happened = sorted([*marks.switches(answers), *marks.flags(predictions)])
    found = evaluation.evaluate(answers, spec, happened, dict(sources))
    shift = _shift(examples, known.features_of(examples[0].model))
    return {"model": examples[0].model, **found, "shift": shift}, _curves(answers, found)


def _shift(examples: Sequence[Example], of: FeatureSet) -> dict[str, Any]:
    """Of the vectors that are of the model's feature set, each once."""
    width = len(of.names)
    vectors = {(each.time, each.symbol): each for each in examples if each.set_hash == of.hash}
    rows = [vectors[key] for key in sorted(vectors)]
    x = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f8").reshape(-1, width)
    ready = np.array([row.ready for row in rows], dtype=np.int64)
    return shifts(x, ready, np.array([row.time for row in rows], dtype=np.int64), of.names)


def write(directory: Path, found: Mapping[str, Any], curves: Mapping[str, Any]) -> list[Path]:
    """The files that were written; without matplotlib there is no page."""
    directory.mkdir(parents=True, exist_ok=True)
    figures = directory / JSON
    figures.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    try:
        from api.evaluation import page

        rendered = page.render(found, curves)
    except ImportError:
        return [figures]
    document = directory / HTML
    document.write_text(rendered)
    return [figures, document]


def _curves(answers: Answers, found: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was served, and of the versions that tell ups from downs best."""
    ranked = sorted(found["pooled"], key=lambda name: -(found["pooled"][name]["auc"] or 0.0))
    names = [SERVED, *(name for name in ranked if name != SERVED)]
    curves: dict[str, Any] = {}
    for name in names:
        taken = positions(answers, name, only_above_cost=False)
        if len(taken.closed) and len(curves) < CURVES_MAX:
            curves[name] = {
                "closed": taken.closed.tolist(),
                "gross": np.cumsum(taken.gross).tolist(),
                "net": np.cumsum(taken.gross - taken.cost).tolist(),
            }
    return curves
