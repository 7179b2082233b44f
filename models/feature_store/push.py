"""Writes rows of the log to the online store: the newest of each key, which is all that a batch holds."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import psycopg
import redis
import sqlalchemy.exc
from feast import FeatureStore
from feast.data_source import PushMode

from models.feature_store.relations import ACCOUNT_VIEW, EVENT_TIME, LOGGED, READY
from models.feature_store.sets import BY_HASH, FeatureSet
from streams.messages import Position
from streams.predictions import Features

AWAY = (redis.RedisError, psycopg.OperationalError, sqlalchemy.exc.OperationalError, OSError)
"""What a push raises while a store does not answer; it may be tried again."""

Row = Mapping[str, object]
Pushed = tuple[int, int]
"""How many rows, and the event time (ns) of the newest."""


class Pusher:
    """Pushes batches to one store. Rows that are older than what is there are dropped by the store below."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store

    def features(self, rows: Iterable[Features]) -> dict[str, Pushed]:
        """Push vectors, at most one a symbol and set. Sets that this version does not make are left out."""
        by_set: dict[FeatureSet, list[Features]] = {}
        for row in rows:
            if (stored := BY_HASH.get(row.set_hash)) is not None:
                by_set.setdefault(stored, []).append(row)
        for stored, found in by_set.items():
            self._push(stored.push_source, [_vector(stored, row) for row in found])
        return {stored.view: _told(found) for stored, found in by_set.items()}

    def accounts(self, rows: Iterable[Position]) -> dict[str, Pushed]:
        """Push what accounts are worth, at most one row an account; those of unknown worth are left out."""
        known = [row for row in rows if row.equity and row.exposure]
        if not known:
            return {}
        self._push(ACCOUNT_VIEW.push_source, [_account(row) for row in known])
        return {ACCOUNT_VIEW.name: _told(known)}

    def _push(self, source: str, rows: list[Row]) -> None:
        # To the offline store the history sink writes; Feast cannot there.
        self._store.push(source, pd.DataFrame(rows), to=PushMode.ONLINE)


def event_time(ns: int) -> pd.Timestamp:
    """Event time as SQL holds it: whole microseconds."""
    return pd.Timestamp(ns // 1_000, unit="us", tz="UTC")


def _told(rows: Sequence[Features | Position]) -> Pushed:
    return len(rows), max(row.time for row in rows)


def _vector(stored: FeatureSet, row: Features) -> Row:
    values = zip(stored.names, stored.vector.unpack(row.vector), strict=True)
    return {"symbol": row.symbol, **_times(row.time), **dict(values), READY: row.ready}


def _account(row: Position) -> Row:
    worth = {name: float(getattr(row, name)) for name in ACCOUNT_VIEW.names}
    return {"account": row.account, **_times(row.time), **worth}


def _times(ns: int) -> Row:
    return {EVENT_TIME: event_time(ns), LOGGED: event_time(ns)}
