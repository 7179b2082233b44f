"""GET /v1/models: which versions predict, champion and challengers, and how right they were."""

import json
from collections import Counter
from typing import Any

from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from api import answers, parameters
from api.history import History
from api.parameters import MODEL_, Given
from api.problems import Problem
from api.respond import respond

NEWEST_SQL = """
SELECT model, version, learned, outputs FROM predictions
ORDER BY ts DESC, log_partition DESC, log_offset DESC LIMIT 1000"""

SCORES_SQL = """
SELECT model, spec, count(y) AS labelled, count(p) FILTER (WHERE y IS NOT NULL) AS judged,
    avg(y)::float8 AS base_rate,
    avg(power(p - y, 2)) AS brier,
    avg(-ln(CASE y WHEN 1 THEN greatest(p, 1e-12) WHEN 0 THEN greatest(1 - p, 1e-12) END))
        FILTER (WHERE p IS NOT NULL) AS logloss, -- greatest passes over a null
    avg(CASE WHEN p IS NULL OR y IS NULL THEN NULL WHEN (p > 0.5) = (y = 1) THEN 1.0 ELSE 0.0 END)::float8
        AS accuracy
FROM labels WHERE ts > (SELECT max(ts) FROM labels) - interval '1 hour'
GROUP BY 1, 2 ORDER BY 1, 2"""


async def models(request: Request) -> Response:
    """All models."""
    Given(request, ())
    return respond(request, await _models(request))


async def model(request: Request) -> Response:
    """One model."""
    Given(request, ())
    name = parameters.path(request, MODEL_)
    found = await _models(request)
    versions = [version for version in found.versions if version.model == name]
    if not versions:
        raise Problem(404, f"no model {name}")
    scores = [score for score in found.scores if score.model == name]
    return respond(request, answers.Models(versions=versions, scores=scores))


async def _models(request: Request) -> answers.Models:
    history: History = request.app.state.history
    newest = await history.rows(NEWEST_SQL)
    scores = await history.rows(SCORES_SQL)
    return answers.Models(
        versions=_versions(newest), scores=[answers.ModelScore(**row) for row in scores]
    )


def _versions(newest: list[DictRow]) -> list[answers.ModelVersion]:
    champions = {row["model"]: row["version"] for row in reversed(newest) if row["version"]}
    answered: Counter[tuple[str, str]] = Counter()
    learned: dict[tuple[str, str], int] = {}
    for row in reversed(newest):
        for output in _outputs(row):
            key = row["model"], str(output.get("version", ""))
            answered[key] += output.get("p") is not None
            learned[key] = max(learned.get(key, 0), int(output.get("learned", 0)))
    return [
        answers.ModelVersion(
            model=model,
            version=version,
            role="champion" if champions.get(model) == version else "challenger",
            predictions=answered[model, version],
            learned=learned[model, version],
        )
        for model, version in sorted(learned)
    ]


def _outputs(row: DictRow) -> list[dict[str, Any]]:
    found = row["outputs"]
    outputs: list[dict[str, Any]] = json.loads(found) if isinstance(found, str) else found
    return outputs
