"""The latest state: it follows the history, never goes back, mends its gaps and holds nothing up."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from sinks.batch import Batch, Place
from sinks.current import versioned
from sinks.history import History, Snapshot
from sinks.latest import BREAKER_S, SLICE, Keys, Latest, place_field
from streams import codec
from streams.meter import NoMeter
from streams.ports import free_port
from streams.topics import POSITIONS
from tests.sinks.messages import EVENTS, batch_of, order_event, position

PLACE: Place = (POSITIONS.name, 0)
KEY = "paper|BTC/USD.KRAKEN"


class Refills:
    """A stand-in for the history: what is current there, and how often it was asked."""

    def __init__(self, next_: int, **values: object) -> None:
        self.asked: list[Place] = []
        self.snapshot = Snapshot(
            next_,
            {
                ("position", key): versioned(next_ - 1, codec.encode(value))
                for key, value in values.items()
            },
        )

    async def __call__(self, place: Place, kinds: Sequence[str]) -> Snapshot:
        self.asked.append(place)
        return self.snapshot


class Retries(NoMeter):
    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def retry(self, sink: str, reason: str) -> None:
        self.reasons[reason] += 1


EMPTY = Snapshot(0, {})


async def none(place: Place, kinds: Sequence[str]) -> Snapshot:
    return EMPTY


def with_latest(url: str, app: str, work: Callable[[Latest, Redis, Keys], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        keys = Keys(app, 1)
        latest, redis = Latest(url, keys, NoMeter()), Redis.from_url(url)
        try:
            return await work(latest, redis, keys)
        finally:
            await latest.close()
            await redis.aclose()

    return asyncio.run(run())


async def quantity(redis: Redis, keys: Keys) -> str | None:
    value = await redis.hget(keys.values("position", 0), KEY)
    return POSITIONS.decode(value).qty if isinstance(value, bytes) else None


def moved(number: int) -> Batch:
    """The batch of one record at offset `number`, which says that the quantity is `number`.5."""
    return batch_of(POSITIONS, [position(number)], first=number)


def test_it_follows_batch_after_batch(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        for number in range(3):
            await latest.follow(moved(number), none)
            assert await quantity(redis, keys) == f"{number}.5"
        assert await redis.hget(keys.progress, place_field(PLACE)) == b"3"

    with_latest(valkey, app, work)


def test_an_older_batch_changes_nothing(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        refills = Refills(0)
        await latest.ensure(PLACE, 0, refills)
        for number in (0, 1, 2, 1, 0):
            await latest.follow(moved(number), refills)
        assert await quantity(redis, keys) == "2.5"
        assert refills.asked == [PLACE]

    with_latest(valkey, app, work)


def test_of_a_batch_that_overlaps_only_the_new_part_applies(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        await latest.follow(batch_of(EVENTS, [order_event(1)]), none)
        await latest.follow(batch_of(POSITIONS, [position(0), position(1)]), none)
        other = position(7, symbol="ETH/USD.KRAKEN")
        overlapping = batch_of(POSITIONS, [position(9), other], first=1)
        await latest.follow(overlapping, none)
        assert await quantity(redis, keys) == "1.5"
        assert await redis.hexists(keys.values("position", 0), "paper|ETH/USD.KRAKEN")

    with_latest(valkey, app, work)


def test_a_gap_is_refilled_from_the_history(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        await latest.follow(moved(0), none)
        refills = Refills(6, **{"x|y": position(4), KEY: position(5)})
        await latest.follow(moved(5), refills)
        assert refills.asked == [PLACE]
        assert await quantity(redis, keys) == "5.5"
        assert await redis.hexists(keys.values("position", 0), "x|y")

    with_latest(valkey, app, work)


def test_a_late_refill_does_not_go_back(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 8, Refills(8, **{KEY: position(8)}))
        await latest.replace(PLACE, Refills(6, **{KEY: position(5)}).snapshot)
        assert await quantity(redis, keys) == "8.5"

    with_latest(valkey, app, work)


def test_a_flushed_cache_is_refilled_without_new_records(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        await latest.follow(moved(0), none)
        await redis.delete(keys.progress, keys.values("position", 0))
        await latest.ensure(PLACE, 1, Refills(1, **{KEY: position(0)}))
        assert await quantity(redis, keys) == "0.5"

    with_latest(valkey, app, work)


def test_an_evicted_hash_is_missed_and_refilled(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        await latest.follow(moved(0), none)
        await redis.delete(keys.values("position", 0))
        await latest.ensure(PLACE, 1, Refills(1, **{KEY: position(0)}))
        assert await quantity(redis, keys) == "0.5"

    with_latest(valkey, app, work)


def test_a_refill_of_many_values_goes_in_slices_and_leaves_nothing_behind(
    valkey: str, app: str
) -> None:
    many = {f"paper|S{number}": position(number) for number in range(2 * SLICE + 1)}

    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        for snapshot in (Refills(9, **many).snapshot, Refills(8, **many).snapshot):
            await latest.replace(PLACE, snapshot)
        assert await redis.hlen(keys.values("position", 0)) == len(many)
        assert await redis.ttl(keys.values("position", 0)) == -1
        names = {name async for name in redis.scan_iter(f"{{{app}}}*")}
        assert names == {keys.progress.encode(), keys.values("position", 0).encode()}
        await latest.replace(PLACE, Snapshot(10, {}))
        assert await redis.hlen(keys.values("position", 0)) == 0

    with_latest(valkey, app, work)


def test_each_value_says_how_new_it_is(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure(PLACE, 0, none)
        await latest.follow(batch_of(POSITIONS, [position(0), position(1)]), none)
        value = await redis.hget(keys.values("position", 0), KEY)
        assert value is not None
        assert msgspec.json.decode(value)["log_offset"] == 1

    with_latest(valkey, app, work)


def test_an_order_that_is_over_is_gone_and_stays_gone(valkey: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        await latest.ensure((EVENTS.name, 0), 0, none)
        opened = batch_of(EVENTS, [order_event(1), order_event(2)])
        closed = batch_of(EVENTS, [order_event(1, "CANCELLED", rev=2)], first=2)
        for batch in (opened, closed, opened):
            await latest.follow(batch, none)
        assert await redis.hkeys(keys.values("order", 0)) == [b"o2"]

    with_latest(valkey, app, work)


def test_it_holds_what_the_history_holds(valkey: str, database: str, app: str) -> None:
    async def work(latest: Latest, redis: Redis, keys: Keys) -> None:
        history = History(database)
        await history.connect()
        try:
            await history.claim([PLACE])
            for number in range(3):
                await history.commit(moved(number))
            await latest.ensure(PLACE, 3, history.snapshot)
        finally:
            await history.close()
        assert await quantity(redis, keys) == "2.5"
        assert await redis.hget(keys.progress, place_field(PLACE)) == b"3"

    with_latest(valkey, app, work)


def test_without_valkey_nothing_waits_and_nothing_is_tried_for_five_seconds(app: str) -> None:
    async def work() -> None:
        now, meter, refills = [100.0], Retries(), Refills(0)
        url = f"redis://127.0.0.1:{free_port()}/0"
        latest = Latest(url, Keys(app, 1), meter, clock=lambda: now[0])
        started = time.monotonic()
        for number in range(200):
            await latest.follow(moved(number), refills)
        assert time.monotonic() - started < 2.0
        assert latest.is_open
        assert meter.reasons == {"ConnectionError": 1}
        now[0] += BREAKER_S
        await latest.follow(moved(200), refills)
        assert meter.reasons == {"ConnectionError": 2}
        assert refills.asked == []
        await latest.close()

    asyncio.run(work())


@pytest.mark.parametrize("generation", [1, 2])
def test_names_are_of_one_cluster_slot_and_of_one_generation(generation: int) -> None:
    keys = Keys("a", generation)
    names = [keys.progress, keys.values("order", 3)]
    assert all(name.startswith(f"{{a}}:{generation}:") for name in names)
