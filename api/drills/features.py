"""Feast's part of the registry drill: its tables in a fresh database, and one row written and read by its definitions.

Imported where the drill is run with it alone: Feast takes seconds.
"""

import time

import psycopg

from models.feature_store import apply, place, store
from models.feature_store.push import Pusher
from models.feature_store.read import OnlineFeatures, Value
from models.feature_store.relations import statements
from models.feature_store.sets import MICRO
from streams.ids import Ref
from streams.predictions import Features

APP = "drill"
MAX_AGE_NS = 60_000_000_000


def define(postgres_url: str, redis_url: str) -> None:
    """Feast's tables, with the definitions of this version in them."""
    store.close(apply.apply(place.live(APP, postgres_url, redis_url)))


def make_tables(postgres_url: str, redis_url: str) -> None:
    """Feast's tables without definitions: a copy brings those."""
    where = place.live(APP, postgres_url, redis_url)
    with psycopg.connect(where.postgres_url) as connection:
        for statement in statements():
            connection.execute(statement.encode())
    store.close(store.open_store(where, may_create=True))


def read_back(postgres_url: str, redis_url: str, symbol: str) -> bool:
    """Whether a row that is pushed by the registry's definitions is read as it was."""
    opened = store.open_store(place.live(APP, postgres_url, redis_url))
    try:
        store.check(opened)
        now = time.time_ns() // 1_000 * 1_000
        vector = MICRO.vector.pack(*([0.5] * len(MICRO.names)))
        row = Features(
            symbol=symbol, time=now, sequence=0, set=MICRO.name, set_hash=MICRO.hash, ready=1, bid=1,
            ask=2, mid2=3, gap_ms=0, vector=vector, quote_ref=Ref("market.quotes", 0, 0),
        )  # fmt: skip
        Pusher(opened).features([row])
        answer = OnlineFeatures(opened).read([symbol], MAX_AGE_NS, now)[symbol]
        return isinstance(answer, Value) and answer.vector == vector
    finally:
        store.close(opened)
