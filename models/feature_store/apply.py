"""Brings registry and online store to this version, and fills them anew from the history when they were lost."""

from typing import Any

import pandas as pd
import psycopg
from feast import FeatureStore
from feast.data_source import PushMode
from psycopg.rows import dict_row

from models.feature_store import definitions, store
from models.feature_store.place import Place
from models.feature_store.relations import ACCOUNT_VIEW, EVENT_TIME, LOGGED, relation, statements
from models.feature_store.sets import SETS

BATCH_ROWS = 100


def apply(place: Place) -> FeatureStore:
    """SQL views, registry and the claim of the Redis database; nothing to do the second time. Raises PlaceRefused."""
    store.claim(place)
    with psycopg.connect(place.postgres_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('feast'))")
        for statement in statements():
            connection.execute(statement.encode())
    opened = store.open_store(place, may_create=True)
    opened.apply(definitions.ALL)
    store.check(opened)
    return opened


def rebuild(place: Place) -> dict[str, int]:
    """Apply, then write the newest row of the history of each key; how many by view.

    A row that the online store has already, or a newer one, stays. What the history sink has not stored yet comes
    with the log. Raises PlaceRefused.
    """
    opened = apply(place)
    keys = [(each.view, each.push_source, "symbol") for each in SETS]
    keys.append((ACCOUNT_VIEW.name, ACCOUNT_VIEW.push_source, "account"))
    written = {}
    for view, source, key in keys:
        rows = _newest(place, view, key)
        for start in range(0, len(rows), BATCH_ROWS):
            frame = pd.DataFrame(rows[start : start + BATCH_ROWS])
            opened.push(source, frame, to=PushMode.ONLINE)
        written[view] = len(rows)
    store.close(opened)
    return written


def _newest(place: Place, view: str, key: str) -> list[dict[str, Any]]:
    """The newest row of each key, found key by key on the index: the history may be months long."""
    rows = relation(view)
    query = (
        f"WITH RECURSIVE keys AS ((SELECT {key} FROM {rows} ORDER BY {key} LIMIT 1) UNION ALL "
        f"SELECT (SELECT {key} FROM {rows} WHERE {key} > keys.{key} ORDER BY {key} LIMIT 1) "
        f"FROM keys WHERE {key} IS NOT NULL) "
        f"SELECT newest.* FROM keys CROSS JOIN LATERAL (SELECT * FROM {rows} AS each "
        f"WHERE each.{key} = keys.{key} ORDER BY {EVENT_TIME} DESC, {LOGGED} DESC LIMIT 1) AS newest"
    )
    with psycopg.connect(place.postgres_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()
