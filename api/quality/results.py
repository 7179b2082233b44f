"""Writes what a validation found, expectation by expectation: of chunks, trainings and days."""

from typing import Any

import psycopg

from models.quality.verdict import Result, Verdict

WHOLE = 0
"""The chunk of what has none."""

VALIDATED = "validated"
"""Stands for all expectations where none could be evaluated."""

FORGET = "DELETE FROM quality_results WHERE run_id = %s AND chunk = %s"
RESULT = """
INSERT INTO quality_results (run_id, chunk, expectation, held, observed) VALUES (%s, %s, %s, %s, %s)"""


async def store(
    sql: psycopg.AsyncConnection[Any], run_id: str, verdict: Verdict, chunk: int = WHOLE
) -> None:
    """Within the caller's transaction: this attempt's; what is known of an earlier one is forgotten."""
    results = verdict.results
    if verdict.error:
        results = (*results, Result(VALIDATED, False, verdict.error))
    await sql.execute(FORGET, [run_id, chunk])
    rows = [[run_id, chunk, each.expectation, each.held, each.observed] for each in results]
    async with sql.cursor() as cursor:
        await cursor.executemany(RESULT, rows)
