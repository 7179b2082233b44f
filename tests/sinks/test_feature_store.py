"""The feature store on real Feast, PostgreSQL and Valkey: four ways to a vector, the same bits, and its traps."""

import asyncio
import dataclasses
import gc
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import psycopg
import pytest
import redis

from api.commands.features import sample_of
from api.ending import Ended
from api.verify.history import History
from models import features
from models.feature_store import place as places
from models.feature_store.place import Place, PlaceRefused
from models.feature_store.sets import BARS, MICRO
from streams import codec, topics
from streams.messages import Position
from streams.predictions import Features
from tests.faults.cluster import PARTITIONS
from tests.replay.memory_log import MemoryLog
from tests.sinks import feature_flow
from tests.sinks.stored import next_of, store
from tests.support.databases import empty_database

pytestmark = [
    pytest.mark.feast,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:.*psycopg.Connection:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECOND_NS = 10**9
PRESENT = 1
LIVE_DATABASE = 3


@pytest.fixture(scope="module")
def feast() -> Any:
    """Feast and what is built on it; warnings that it raises while it is imported are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from api.feature_store import parity, ways
        from models.feature_store import apply, history, push, read, store

    return SimpleNamespace(
        history=history,
        parity=parity,
        ways=ways,
        apply=apply,
        push=push,
        read=read,
        store=store,
    )


@dataclasses.dataclass
class Scene:
    """A run, its rows in a database, and the stores that the feature sink fills from the topics."""

    feast: Any
    kafka: str
    place: Place
    history: History
    store: Any

    def parity(self, history: History | None = None, share: float = 1.0) -> Any:
        """What the comparison of four ways finds; every row is compared, or a share of them."""
        wanted = self.feast.parity.Wanted(None, None, self.feast.ways.Sample(share=share))
        log = MemoryLog(history or self.history)
        return asyncio.run(
            self.feast.parity.prove(log, feature_flow.GROUPS, PARTITIONS, self.store, MICRO, wanted)
        )

    def reader(self) -> Any:
        return self.feast.read.OnlineFeatures(self.store)

    def vectors(self) -> list[Features]:
        return [
            topics.FEATURES.decode(record.value or b"")
            for record in self.history.of(topics.FEATURES.name)
        ]

    def newest(self) -> Features:
        """The last vector of all."""
        return max(self.vectors(), key=lambda row: (row.time, row.symbol))

    def worths(self) -> dict[str, Position]:
        """The last record of each account that says what it is worth."""
        records = self.history.of(topics.POSITIONS.name)
        rows = [topics.POSITIONS.decode(record.value or b"") for record in records]
        return {row.account: row for row in rows if row.equity and row.exposure}

    def push(self, rows: list[Features]) -> None:
        self.feast.push.Pusher(self.store).features(rows)


@pytest.fixture(scope="module")
def scene(feast: Any, kafka: str, postgres: str, valkey: str) -> Iterator[Scene]:
    """All of it, with the sink run once over the topics."""
    history = feature_flow.live()
    with empty_database(postgres) as database:
        feature_flow.store(database, history)
        redis_url = valkey.replace("/0", f"/{LIVE_DATABASE}")
        place = places.live("feature-flow", database, redis_url)
        for topic in feature_flow.STORED:
            feature_flow.produce(kafka, history.of(topic.name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            store = feast.apply.apply(place)
            feature_flow.sink_once(kafka, feast.push.Pusher(store))
            yield Scene(feast, kafka, place, history, store)
            feast.store.close(store)
            gc.collect()  # what was never closed, while that is no error


def test_four_ways_to_a_vector_give_the_same_bits(scene: Scene) -> None:
    found = scene.parity()
    assert [str(each) for each in found.differences] == []
    rows = len(scene.vectors())
    assert rows > 200
    assert found.rows == {"log": rows, "recomputed": rows, "later": 0}
    symbols = {row.symbol for row in scene.vectors()}
    assert found.compared == {"recomputed": rows, "offline": rows, "online": len(symbols)}


def test_each_way_is_asked_for_the_same_share_of_the_vectors(scene: Scene) -> None:
    found = scene.parity(share=0.2)
    assert [str(each) for each in found.differences] == []
    rows = len(scene.vectors())
    assert found.compared["recomputed"] == found.compared["offline"]
    assert 0.1 < found.compared["offline"] / rows < 0.3


@pytest.mark.parametrize(
    ("text", "rows_max", "share"), [("1000", 1000, 1.0), ("0", 0, 1.0), ("1%", 0, 0.01)]
)
def test_a_sample_is_a_number_of_rows_or_a_share(
    feast: Any, text: str, rows_max: int, share: float
) -> None:
    assert sample_of(text) == feast.ways.Sample(rows_max, share)


@pytest.mark.parametrize("text", ["", "-1", "0%", "101%", "%", "some", "nan%"])
def test_what_is_no_sample_is_a_wrong_use(feast: Any, text: str) -> None:
    with pytest.raises(Ended):
        sample_of(text)


def test_one_changed_bit_on_the_log_is_found_by_every_way_and_the_feature_is_named(
    scene: Scene,
) -> None:
    records = list(scene.history.of(topics.FEATURES.name))
    message = topics.FEATURES.decode(records[-1].value or b"")
    changed = bytearray(message.vector)
    changed[8 * 2] ^= 1
    value = codec.encode(msgspec.structs.replace(message, vector=bytes(changed)))
    records[-1] = records[-1]._replace(value=value)
    history = History(scene.history.records | {topics.FEATURES.name: records})
    found = scene.parity(history)
    by_way = {each.way: each for each in found.differences}
    assert by_way.keys() == {"recomputed", "offline", "online"}
    assert {each.feature for each in found.differences} == {MICRO.names[2]}
    assert by_way["offline"].logged != by_way["offline"].found


def test_a_vector_that_nobody_can_make_again_is_found(scene: Scene) -> None:
    records = list(scene.history.of(topics.FEATURES.name))
    del records[7]
    found = scene.parity(History(scene.history.records | {topics.FEATURES.name: records}))
    assert [(each.way, each.feature) for each in found.differences] == [("recomputed", "row")]


def test_empty_valkey_and_registry_are_rebuilt_from_the_history(scene: Scene) -> None:
    with redis.Redis.from_url(scene.place.redis_url) as valkey:
        valkey.flushdb()
    with psycopg.connect(scene.place.postgres_url, autocommit=True) as sql:
        sql.execute("DROP SCHEMA feast CASCADE")
    with pytest.raises(scene.feast.store.NotApplied):
        scene.feast.store.open_store(scene.place)
    written = scene.feast.apply.rebuild(scene.place)
    assert written == {
        MICRO.view: len({row.symbol for row in scene.vectors()}),
        BARS.view: 0,
        "account_state_v1": len(scene.worths()),
    }
    assert scene.parity().differences == []


def test_vectors_of_bars_stand_beside_those_of_quotes_under_the_same_symbol(scene: Scene) -> None:
    newest, database = scene.newest(), scene.place.postgres_url
    packed = BARS.vector.pack(*(number / 7 for number in range(len(BARS.names))))
    row = msgspec.structs.replace(newest, set=BARS.name, set_hash=BARS.hash, vector=packed)
    store(database, topics.FEATURES, [row], first=next_of(database, topics.FEATURES))
    assert scene.feast.apply.rebuild(scene.place)[BARS.view] == 1
    read = scene.feast.read.OnlineFeatures(scene.store, BARS)
    (found,) = read.read([row.symbol], 2**60, row.time).values()
    point = scene.feast.history.Point(row.symbol, row.time + 86_400 * SECOND_NS)
    joined = scene.feast.history.joined(scene.store, BARS, [point])[point]
    assert found.vector == joined.vector == packed
    assert scene.parity().differences == []


def test_an_online_store_that_is_behind_is_found(scene: Scene) -> None:
    newest = scene.newest()
    with redis.Redis.from_url(scene.place.redis_url) as valkey:
        (key,) = [key for key in valkey.keys() if newest.symbol.encode() in key]
        valkey.delete(key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.feature_store.ways.WAIT_S", 0.0)
        found = scene.parity()
    assert [(each.way, each.point.symbol) for each in found.differences] == [
        ("online", newest.symbol)
    ]
    scene.push([newest])
    assert scene.parity().differences == []


def test_what_feast_calls_present_may_be_long_past_or_not_there_and_read_says_so(
    scene: Scene,
) -> None:
    newest, store = scene.newest(), scene.store
    answer = store.get_online_features(  # the trap itself
        features=store.get_feature_service(MICRO.service),
        entity_rows=[{"symbol": newest.symbol}, {"symbol": "NOBODY"}],
    ).proto
    assert {status for column in answer.results for status in column.statuses} == {PRESENT}

    read, reader = scene.feast.read, scene.reader()
    now = newest.time + 61 * SECOND_NS
    found = reader.read([newest.symbol, "NOBODY"], MICRO.ttl_s * SECOND_NS, now)
    stored_at = newest.time // 1_000 * 1_000
    assert found == {newest.symbol: read.Stale(now - stored_at), "NOBODY": read.Missing()}
    fresh = reader.read([newest.symbol], 62 * SECOND_NS, now)[newest.symbol]
    assert fresh == read.Value(stored_at, newest.vector, newest.ready, now - stored_at)


def test_a_row_of_which_a_part_is_missing_is_missing(scene: Scene) -> None:
    newest = scene.newest()
    with redis.Redis.from_url(scene.place.redis_url) as valkey:
        (key,) = [key for key in valkey.keys() if newest.symbol.encode() in key]
        whole = valkey.hgetall(key)
        part = next(name for name in whole if not name.startswith(b"_ts"))
        valkey.hdel(key, part)
        assert isinstance(
            scene.reader().read([newest.symbol], 2**60, newest.time)[newest.symbol],
            scene.feast.read.Missing,
        )
        valkey.hset(key, part, whole[part])


def test_a_row_that_is_older_or_comes_twice_changes_nothing(scene: Scene) -> None:
    newest = scene.newest()
    older = msgspec.structs.replace(newest, time=newest.time - SECOND_NS, ready=1)
    again = msgspec.structs.replace(newest, ready=1)
    scene.push([older])
    scene.push([again])
    assert feature_flow.sink_once(scene.kafka, scene.feast.push.Pusher(scene.store)) > 0
    (found,) = scene.reader().read([newest.symbol], 2**60, newest.time).values()
    assert (found.ready, found.vector) == (newest.ready, newest.vector)


def test_feast_cannot_push_to_both_stores_so_the_history_sink_writes_the_offline_one(
    scene: Scene,
) -> None:
    rows = scene.feast.push.pd.DataFrame([scene.feast.push._vector(MICRO, scene.newest())])
    with pytest.raises(NotImplementedError):
        scene.store.push(MICRO.push_source, rows, to=scene.feast.push.PushMode.ONLINE_AND_OFFLINE)


def test_accounts_are_stored_with_what_they_are_worth(scene: Scene) -> None:
    account, worth = max(scene.worths().items())
    answer = scene.store.get_online_features(
        features=scene.store.get_feature_service("account_service"),
        entity_rows=[{"account": account}],
    ).to_dict()
    assert answer["equity"] == [float(worth.equity)]
    assert answer["exposure"] == [float(worth.exposure)]
    assert answer["open_orders"] == [worth.open_orders]


def test_applying_again_changes_nothing(scene: Scene) -> None:
    before = registry(scene.place)
    scene.feast.store.close(scene.feast.apply.apply(scene.place))
    assert registry(scene.place) == before


def test_fields_are_those_of_the_feature_set_and_the_hash_is_a_tag(scene: Scene) -> None:
    view = scene.store.get_feature_view(MICRO.view)
    assert {field.name for field in view.features} == {*features.NAMES, "ready_mask"}
    assert view.tags["set_hash"] == features.SET_HASH
    assert view.ttl.total_seconds() == MICRO.ttl_s


def test_definitions_of_another_set_are_refused_at_the_start(scene: Scene) -> None:
    other = [MICRO._replace(hash="0" * 16)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.feast.store, "SETS", other)
        with pytest.raises(scene.feast.store.NotApplied, match="0000000000000000"):
            scene.feast.store.check(scene.store)


def test_a_replay_has_a_project_and_a_redis_database_of_its_own(scene: Scene) -> None:
    with pytest.raises(PlaceRefused, match="the live one"):
        places.of_replay(scene.place, "r1", LIVE_DATABASE)
    mine = places.of_replay(scene.place, "r1", LIVE_DATABASE + 1)
    store = scene.feast.apply.apply(mine)
    theirs = places.of_replay(scene.place, "r2", LIVE_DATABASE + 1)
    with pytest.raises(PlaceRefused, match="belongs to feature_flow_replay_r1"):
        scene.feast.store.claim(theirs)
    newest = scene.newest()
    older = msgspec.structs.replace(newest, time=newest.time - SECOND_NS, ready=1)
    scene.feast.push.Pusher(store).features([older])
    (replayed,) = scene.feast.read.OnlineFeatures(store).read([newest.symbol], 2**60, 0).values()
    (served,) = scene.reader().read([newest.symbol], 2**60, 0).values()
    assert (replayed.ready, served.ready) == (1, newest.ready)
    scene.feast.store.close(store)


def registry(place: Place) -> list[tuple[Any, ...]]:
    """What Feast has on record, but for when it was asked."""
    query = (
        "SELECT feature_view_name, feature_view_proto FROM feast.feature_views "
        "UNION ALL SELECT feature_service_name, feature_service_proto FROM feast.feature_services "
        "ORDER BY 1"
    )
    with psycopg.connect(place.postgres_url) as sql:
        return sql.execute(query.encode()).fetchall()
