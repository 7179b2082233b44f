"""Feature views: one a feature set, its fields generated from the set, and one of what accounts are worth."""

from datetime import timedelta

from feast import FeatureView, Field, PushSource
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import (
    PostgreSQLSource,
)
from feast.types import Float64, Int64

from models.feature_store.definitions.entities import ACCOUNT, SYMBOL
from models.feature_store.relations import ACCOUNT_VIEW, EVENT_TIME, LOGGED, READY, relation
from models.feature_store.sets import SETS, FeatureSet

SET_HASH_TAG = "set_hash"


def _source(view: str, push: str, *, ordered_by: str = "") -> PushSource:
    """Pushed by the sink; its history is a SQL view over the history's rows.

    ordered_by: which of several rows of one event time is the last. It makes a join twice as dear, and vectors of a
    symbol are always a slot apart.
    """
    rows = PostgreSQLSource(
        name=view,
        table=relation(view),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=ordered_by,
    )
    return PushSource(name=push, batch_source=rows)


def _view(stored: FeatureSet) -> FeatureView:
    fields = [Field(name=name, dtype=Float64) for name in stored.names]
    return FeatureView(
        name=stored.view,
        entities=[SYMBOL],
        ttl=timedelta(seconds=stored.ttl_s),
        schema=[*fields, Field(name=READY, dtype=Int64)],
        source=_source(stored.view, stored.push_source),
        tags={SET_HASH_TAG: stored.hash},
    )


ACCOUNT_STATE = FeatureView(
    name=ACCOUNT_VIEW.name,
    entities=[ACCOUNT],
    ttl=timedelta(seconds=ACCOUNT_VIEW.ttl_s),
    schema=[Field(name=name, dtype=Float64) for name in ACCOUNT_VIEW.names],
    source=_source(ACCOUNT_VIEW.name, ACCOUNT_VIEW.push_source, ordered_by=LOGGED),
)
VIEW_OF = {stored.view: _view(stored) for stored in SETS}
VIEWS = [*VIEW_OF.values(), ACCOUNT_STATE]
