"""Reads the history database for the API: few connections, short waits, a 503 that names it when it is away."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from api.problems import Problem

log = logging.getLogger("headrace.api")

CONNECTIONS_MAX = 5
WAITING_MAX = 20
TIMEOUT_S = 2


class History:
    """Questions to one database; each has its own connection, so that a broken one is never kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Questions that are asked or wait for their turn."""
        return self._waiting

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[DictRow]:
        """The rows of a read-only question. Raises Problem(503)."""
        if not self._url:
            raise Problem(503, "no history database is configured")
        if self._waiting >= WAITING_MAX:
            raise Problem(503, "the history database is busy", headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            async with asyncio.timeout(2 * TIMEOUT_S), self._free:
                return await self._ask(sql, parameters)
        except (psycopg.Error, OSError) as error:  # a TimeoutError too
            log.warning("history database: %r", error)
            raise Problem(503, "the history database does not answer") from error
        finally:
            self._waiting -= 1

    async def _ask(self, sql: str, parameters: Sequence[Any]) -> list[DictRow]:
        async with await psycopg.AsyncConnection.connect(
            self._url,
            connect_timeout=TIMEOUT_S,
            options=f"-c default_transaction_read_only=on -c statement_timeout={TIMEOUT_S * 1000}",
            row_factory=dict_row,
        ) as connection:
            return await (await connection.execute(sql.encode(), parameters)).fetchall()
