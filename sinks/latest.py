"""The latest state in Valkey: a cache of `current_state` that only ever moves forward and that nothing waits for."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import chain, islice

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sinks.batch import Batch, Place, Span
from sinks.current import KINDS, versioned
from sinks.history import Snapshot
from streams.codec import encode
from streams.meter import SinkMeter
from streams.stores import redis_login

log = logging.getLogger("headrace.sink")

SINK = "latest"
TIMEOUT_S = 0.5
BREAKER_S = 5.0

ADVANCE = """
-- KEYS: progress, then one hash a kind. ARGV: place, first, next, then kind, offset, key, value of each change.
-- 1: applied; 0: older than what is here; -1: something is missing, between or of what was here.
local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
local first, next = tonumber(ARGV[2]), tonumber(ARGV[3])
if not stored or stored < first then return -1 end
for i = 2, #KEYS do
  local count = tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. '#' .. i))
  if redis.call('HLEN', KEYS[i]) ~= count then return -1 end
end
if stored > next or (stored == next and first < next) then return 0 end
for i = 4, #ARGV, 4 do
  if tonumber(ARGV[i + 1]) >= stored then
    local hash = KEYS[1 + tonumber(ARGV[i])]
    if ARGV[i + 3] == '' then redis.call('HDEL', hash, ARGV[i + 2])
    else redis.call('HSET', hash, ARGV[i + 2], ARGV[i + 3]) end
  end
end
for i = 2, #KEYS do redis.call('HSET', KEYS[1], ARGV[1] .. '#' .. i, redis.call('HLEN', KEYS[i])) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

REPLACE = """
-- KEYS: progress, then one hash a kind, then as many that take their places. ARGV: place, next.
-- 1: replaced; 0: what is here is newer.
local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
local kinds = (#KEYS - 1) / 2
local older = stored and stored > tonumber(ARGV[2])
for i = 2, kinds + 1 do
  local fresh = KEYS[i + kinds]
  if older then redis.call('DEL', fresh)
  elseif redis.call('EXISTS', fresh) == 1 then
    redis.call('RENAME', fresh, KEYS[i])
    redis.call('PERSIST', KEYS[i])
  else redis.call('DEL', KEYS[i]) end
  if not older then
    redis.call('HSET', KEYS[1], ARGV[1] .. '#' .. i, redis.call('HLEN', KEYS[i]))
  end
end
if older then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

SLICE = 2_000
"""Values in one command: a partition of a hundred thousand orders must not take longer than one command may."""

FRESH_S = 60
"""Hashes that never took their places are gone after this."""

Refill = Callable[[Place, Sequence[str]], Awaitable[Snapshot]]


class Keys:
    """The names in Valkey, all in one cluster slot; a new log generation begins anew."""

    def __init__(self, app: str, generation: int) -> None:
        self._prefix = f"{{{app}}}:{generation}"

    @property
    def progress(self) -> str:
        """A hash: `topic/partition` -> the first offset that the values do not reflect yet.

        `topic/partition#n` -> how many values the n-th hash holds, so that one that was evicted is missed.
        """
        return f"{self._prefix}:next"

    def values(self, kind: str, partition: int) -> str:
        """A hash: key -> the last message as JSON, `log_offset` first."""
        return f"{self._prefix}:{kind}:{partition}"


def place_field(place: Place) -> str:
    """A partition's field in the progress hash."""
    return f"{place[0]}/{place[1]}"


class Latest:
    """Follows committed batches. Any error opens a breaker for 5 s; what was missed is refilled from SQL.

    A batch applies only where the stored position joins on to it, so a late writer changes nothing and a gap shows.
    """

    def __init__(
        self, url: str, keys: Keys, meter: SinkMeter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = keys
        self._meter = meter
        self._clock = clock
        self._closed_again = 0.0
        self._redis = Redis.from_url(
            **redis_login(url),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._advance = self._redis.register_script(ADVANCE)
        self._replace = self._redis.register_script(REPLACE)

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: nothing is tried."""
        return self._clock() < self._closed_again

    @property
    def state(self) -> str:
        """For people."""
        return "open" if self.is_open else "following"

    async def follow(self, batch: Batch, refill: Refill) -> None:
        """Apply a batch that is in the database. Never raises for Valkey's sake; lets the refill's errors through."""
        for place, span in batch.spans.items():
            if place[0] in KINDS and not self.is_open:
                await self._follow(place, span, batch, refill)

    async def ensure(self, place: Place, next_: int, refill: Refill) -> None:
        """Refill a partition that is missing or behind, with no new records to tell."""
        if place[0] in KINDS and not self.is_open:
            await self._follow(place, Span(next_, next_), None, refill)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _follow(self, place: Place, span: Span, batch: Batch | None, refill: Refill) -> None:
        changes = [] if batch is None else _changes(place, batch)
        try:
            keys = self._names(place)
            done = await self._advance(keys, [place_field(place), *span, *changes])
        except (RedisError, OSError) as error:
            self._failed(error)
            return
        if done == -1:
            snapshot = await refill(place, KINDS[place[0]])
            try:
                await self.replace(place, snapshot)
            except (RedisError, OSError) as error:
                self._failed(error)
                return
            log.info("latest state of %s refilled with %d values", place, len(snapshot.entries))
        self._meter.connected(SINK, True)

    async def replace(self, place: Place, snapshot: Snapshot) -> bool:
        """Put a partition's values in place of what is there; False: that is newer and stays. Raises RedisError."""
        names, kinds = self._names(place), KINDS[place[0]]
        token = secrets.token_hex(4)
        fresh = {kind: f"{name}:{token}" for kind, name in zip(kinds, names[1:], strict=True)}
        for kind, name in fresh.items():
            values = {key: value for (k, key), value in snapshot.entries.items() if k == kind}
            await self._fill(name, values)
        keys = [*names, *fresh.values()]
        return bool(await self._replace(keys, [place_field(place), snapshot.next]))

    async def _fill(self, name: str, values: Mapping[str, bytes]) -> None:
        left: Iterator[str | bytes] = chain.from_iterable(values.items())
        while some := list(islice(left, 2 * SLICE)):
            await self._redis.hset(name, items=some)
            await self._redis.expire(name, FRESH_S)

    def _names(self, place: Place) -> list[str]:
        topic, partition = place
        return [self._keys.progress, *(self._keys.values(k, partition) for k in KINDS[topic])]

    def _failed(self, error: Exception) -> None:
        self._closed_again = self._clock() + BREAKER_S
        self._meter.retry(SINK, type(error).__name__)
        self._meter.connected(SINK, False)
        log.warning("latest state is left alone for %.0f s: %r", BREAKER_S, error)


def _changes(place: Place, batch: Batch) -> list[str | int | bytes]:
    topic, partition = place
    kinds = KINDS[topic]
    changes: list[str | int | bytes] = []
    for key, entry in batch.current.items():
        if key.kind in kinds and key.partition == partition:
            message = entry.message
            value = b"" if message is None else versioned(entry.offset, encode(message))
            changes += [kinds.index(key.kind) + 1, entry.offset, key.key, value]
    return changes
