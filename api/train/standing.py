"""What PostgreSQL knows of each model's trainings, for `models.batch.due`."""

from api.train.tracker import Connection
from models.batch.due import Standing

STANDING = """
WITH known AS (
    SELECT model FROM model_versions UNION SELECT model FROM train_requests UNION SELECT model FROM train_runs
), versions AS (
    SELECT DISTINCT ON (model) model, extract(epoch FROM now() - created_at) AS age,
        coalesce((record ->> 'max_age_ns')::float8, 0) / 1e9 AS max_age
    FROM model_versions WHERE kind = 'batch' AND state = 'registered' ORDER BY model, created_at DESC
)
SELECT known.model,
    (SELECT extract(epoch FROM now() - max(started_at)) FROM train_runs AS r WHERE r.model = known.model),
    versions.age, coalesce(versions.max_age, 0),
    ARRAY(SELECT DISTINCT trigger FROM train_requests AS q WHERE q.model = known.model AND run_id IS NULL)
FROM known LEFT JOIN versions USING (model) ORDER BY known.model"""


async def standings(sql: Connection) -> list[Standing]:
    """One a model that has a version, a run or a request."""
    rows = await (await sql.execute(STANDING)).fetchall()
    return [
        Standing(
            model,
            None if run_age is None else float(run_age),
            None if version_age is None else float(version_age),
            float(max_age),
            frozenset(asked),
        )
        for model, run_age, version_age, max_age, asked in rows
    ]


async def runs(sql: Connection) -> dict[tuple[str, str], int]:
    """How many runs of each model have ended, by state."""
    rows = await sql.execute(
        "SELECT model, state, count(*) FROM train_runs WHERE ended_at IS NOT NULL GROUP BY model, state"
    )
    return {(model, state): int(count) for model, state, count in await rows.fetchall()}
