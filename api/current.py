"""What is current, from the latest state, else from SQL, else a 503: never an empty answer for want of a store."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.problems import Problem
from sinks.current import TOPICS
from sinks.latest import Keys, place_field
from sinks.writes import SINK
from streams.settings import Settings
from streams.stores import redis_login
from streams.topics import BY_NAME

log = logging.getLogger("headrace.api")

TIMEOUT_S = 1.0
SQL_TIMEOUT_S = 2

CURRENT_SQL = """
SELECT kind, log_partition, key, value::text FROM current_state
WHERE kind = ANY(%s) ORDER BY kind, log_partition, key"""

PROGRESS_SQL = "SELECT topic, partition, next FROM sink_offsets WHERE sink = %s AND topic = %s"

Values = dict[str, list[bytes]]


class Current(NamedTuple):
    """values: JSON messages by kind. as_of: the first offset not reflected, by `topic/partition`."""

    values: Values
    as_of: dict[str, int]
    source: str


class CurrentReader:
    """Reads all messages of some kinds that one topic makes."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.app, settings.generation)
        self._partitions = settings.partitions
        self._postgres_url = settings.postgres_url
        self._redis = _redis(settings.redis_url) if settings.redis_url else None

    async def read(self, *kinds: str) -> Current:
        """Raises Problem(503) naming the stores when none of them can say."""
        refused = []
        for name, reading in (("latest state", self._latest), ("history database", self._sql)):
            try:
                found = await reading(kinds)
            except (RedisError, psycopg.Error, OSError) as error:
                log.warning("%s: %r", name, error)
                refused.append(f"the {name} does not answer")
            else:
                if found is not None:
                    return found
                refused.append(f"the {name} is not filled or not configured")
        raise Problem(503, "; ".join(refused))

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    async def _latest(self, kinds: Sequence[str]) -> Current | None:
        """None where it is off, or does not hold every partition yet."""
        if self._redis is None:
            return None
        topic = TOPICS[kinds[0]]
        places = [place_field((topic, p)) for p in self._numbers(topic)]
        async with self._redis.pipeline(transaction=True) as together:
            together.hmget(self._keys.progress, places)
            for kind in kinds:
                for partition in self._numbers(topic):
                    together.hvals(self._keys.values(kind, partition))
            progress, *hashes = await together.execute()
        if None in progress:
            return None
        as_of = {place: int(next_) for place, next_ in zip(places, progress, strict=True)}
        return Current(self._by_kind(kinds, topic, hashes), as_of, "latest")

    def _by_kind(self, kinds: Sequence[str], topic: str, hashes: list[list[bytes]]) -> Values:
        count = len(self._numbers(topic))
        return {
            kind: [value for values in hashes[at * count : (at + 1) * count] for value in values]
            for at, kind in enumerate(kinds)
        }

    async def _sql(self, kinds: Sequence[str]) -> Current | None:
        """None where there is no database, or no sink has claimed the topic yet."""
        if not self._postgres_url:
            return None
        async with await psycopg.AsyncConnection.connect(
            self._postgres_url,
            connect_timeout=SQL_TIMEOUT_S,
            options=f"-c default_transaction_isolation=repeatable\\ read "
            f"-c statement_timeout={SQL_TIMEOUT_S * 1000}",
        ) as connection:
            topic = TOPICS[kinds[0]]
            rows = await (await connection.execute(PROGRESS_SQL, [SINK, topic])).fetchall()
            as_of = {place_field((name, partition)): next_ for name, partition, next_ in rows}
            found = await connection.execute(CURRENT_SQL, [list(kinds)])
            values: Values = {kind: [] for kind in kinds}
            for kind, _partition, _key, value in await found.fetchall():
                values[kind].append(value.encode())
        return Current(values, as_of, "history") if as_of else None

    def _numbers(self, topic: str) -> range:
        return range(BY_NAME[topic].partitions(self._partitions))


def _redis(url: str) -> Redis:
    return Redis.from_url(
        **redis_login(url),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
