"""The record of drills in the history database."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Json

INSERT = """
INSERT INTO ops_drills (part, began_at, verdict, rpo_s, rpo_target_s, rto_s, rto_target_s, report)
VALUES (%(part)s, %(began)s, %(verdict)s, %(rpo_s)s, %(rpo_target_s)s, %(rto_s)s, %(rto_target_s)s, %(report)s)"""


async def record(url: str, report: Mapping[str, Any]) -> None:
    """Keep one report, as `Report.content` has it. Raises psycopg.Error."""
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        await connection.execute(INSERT, {**report, "report": Json(dict(report))})
