"""The feature sink: committed vectors and worths in, the newest of each key pushed to the feature store.

It keeps no offsets of its own: the store drops what is older than it has, so a batch that comes twice changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from streams import topics
from streams.codec import Undecodable
from streams.exits import Exit
from streams.login import connection
from streams.messages import Position
from streams.meter import SinkMeter
from streams.predictions import Features

log = logging.getLogger("headrace.features")

SINK = "features"
BATCH_ROWS = 100
BATCH_S = 0.2
SLICE = 1_000
LOOK_EVERY_S = 1.0
STOP_S_MAX = 5.0
FOR_EVER_MS = 2**31 - 1
PAUSE_S_MIN, PAUSE_S_MAX = 0.1, 5.0

Key = tuple[str, str, str]
Row = Features | Position


class Newest(NamedTuple):
    """The last row of each key that a batch holds."""

    features: Sequence[Features]
    positions: Sequence[Position]


Pushed = Mapping[str, tuple[int, int]]
"""By view: how many rows, and the event time (ns) of the newest."""


class Target(NamedTuple):
    """push: blocks. away: what it raises while the store is away."""

    push: Callable[[Newest], Pushed]
    away: tuple[type[Exception], ...]


class Batch:
    """The last row of each key among the records that were added."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.times_ms: list[int] = []
        self.refused = 0

    def add(self, name: str, records: Sequence[Any]) -> None:
        """Take records of one topic, in order."""
        topic = topics.BY_NAME[name]
        messages = topic.decode_all(records) or [_decoded(topic, record) for record in records]
        for record, row in zip(records, messages, strict=True):
            if row is None:
                self.refused += 1
                continue
            self.times_ms.append(record.timestamp)
            self.rows[_key(row)] = row

    @property
    def newest(self) -> Newest:
        """What is to be pushed."""
        rows = self.rows.values()
        return Newest(
            [row for row in rows if isinstance(row, Features)],
            [row for row in rows if isinstance(row, Position)],
        )


class FeatureSink:
    """One sink, made in a running loop and run once; several share the partitions by consumer group."""

    def __init__(self, brokers: str, group: str, target: Target, meter: SinkMeter) -> None:
        self._target = target
        self._meter = meter
        self._consumer = AIOKafkaConsumer(
            topics.FEATURES.name,
            topics.POSITIONS.name,
            **connection(brokers),
            group_id=group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=FOR_EVER_MS,  # nothing is read while the store is away
        )
        self._connected = True
        self._lag: int | None = None
        self._pushed = 0
        self._held = self._stored_ms = 0

    async def run(self, stop: asyncio.Event) -> Exit:
        """Work until told to stop, and push what is in hand. Raises what is neither Kafka's nor the store's absence."""
        try:
            await self._consumer.start()
            parts = (self._work(stop), self._look(), stop.wait())
            tasks = [asyncio.create_task(part) for part in parts]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await asyncio.wait(tasks[:1], timeout=STOP_S_MAX)
            for task in tasks:
                task.cancel()
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Exception):
                    raise end
        except KafkaError as error:
            log.error("no broker: %r", error)
            return Exit.NO_BROKER
        finally:
            await self._consumer.stop()
        return Exit.CLEAN

    def status(self) -> dict[str, Any]:
        """What the sink says of itself on `/status`. lag_records: None until it is known."""
        return {
            "role": "features",
            "connected": self._connected,
            "lag_records": self._lag,
            "held_records": self._held,
            "pushed_rows": self._pushed,
        }

    def is_connected(self) -> bool:
        """A readiness check: the store took what came last."""
        return self._connected

    def is_assigned(self) -> bool:
        """A readiness check."""
        return bool(self._consumer.assignment())

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            batch = await self._gather(stop)
            if batch.rows:
                await self._push(batch)
            if batch.times_ms or batch.refused:
                await self._commit()

    async def _gather(self, stop: asyncio.Event) -> Batch:
        batch, end = Batch(), time.monotonic() + BATCH_S
        while len(batch.rows) < BATCH_ROWS and not stop.is_set():
            left_ms = int((end - time.monotonic()) * 1000)
            if left_ms <= 0:
                break
            fetched = await self._consumer.getmany(timeout_ms=left_ms, max_records=SLICE)
            for partition, records in fetched.items():
                batch.add(partition.topic, records)
        return batch

    async def _push(self, batch: Batch) -> None:
        """Push until the store takes it."""
        pause, began, newest = PAUSE_S_MIN, time.monotonic(), batch.newest
        self._held = len(batch.rows)
        while True:
            try:
                pushed = await asyncio.to_thread(self._target.push, newest)
                break
            except self._target.away as error:
                self._is_away(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_S_MAX)
        self._connected, self._held = True, 0
        self._tell(pushed, batch, time.monotonic() - began)

    def _tell(self, pushed: Pushed, batch: Batch, seconds: float) -> None:
        rows = {view: count for view, (count, _) in pushed.items()}
        self._pushed += sum(rows.values())
        self._stored_ms = max(batch.times_ms)
        self._meter.connected(SINK, True)
        self._meter.batch(SINK, rows, 0, batch.times_ms, seconds, int(time.time() * 1000))
        for view, (_, newest_ns) in pushed.items():
            self._meter.feature_time(view, newest_ns / 1e9)

    def _is_away(self, error: Exception) -> None:
        if self._connected:
            log.warning("the feature store is away: %s", error)
        self._connected = False
        self._meter.connected(SINK, False)
        self._meter.retry(SINK, type(error).__name__)

    async def _commit(self) -> None:
        try:
            await self._consumer.commit()
        except (CommitFailedError, IllegalStateError) as error:
            log.info("partitions have moved, their rows may be pushed twice: %r", error)

    async def _look(self) -> None:
        """Each second: how far behind we are."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                self._lag = await self._behind()
            except KafkaError as error:
                log.warning("the lag is unknown: %r", error)
                continue
            late_ms = time.time() * 1000 - self._stored_ms if self._lag and self._stored_ms else 0
            self._meter.backlog(SINK, self._lag, self._held, max(0, late_ms) / 1000)

    async def _behind(self) -> int:
        places = list(self._consumer.assignment())
        ends = await self._consumer.end_offsets(places) if places else {}
        reached = [await self._consumer.position(place) for place in places]
        left = [max(0, ends[place] - at) for place, at in zip(places, reached, strict=True)]
        return self._held + int(sum(left))


def _key(row: Row) -> Key:
    if isinstance(row, Features):
        return "features", row.symbol, row.set_hash
    return "positions", row.account, ""


def _decoded(topic: topics.Topic, record: Any) -> Row | None:
    """The history keeps what cannot be read; here it is passed over."""
    try:
        row: Row = topic.decode(record.value or b"")
    except Undecodable:
        return None
    return row
