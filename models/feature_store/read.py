"""The one way to read the online store: it says how old a row is, which the store below does not.

Feast answers "present" for a row past its ttl and for a symbol that it has never seen. So nothing else may call it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from feast import FeatureStore

from models.feature_store.relations import READY
from models.feature_store.sets import MICRO, FeatureSet


class Value(NamedTuple):
    """A row that is young enough. time: event time (ns, whole microseconds); vector: as on the log; age: ns."""

    time: int
    vector: bytes
    ready: int
    age: int


class Stale(NamedTuple):
    """A row that is older than was allowed. age: ns."""

    age: int


class Missing(NamedTuple):
    """Nothing is known of the symbol, or not all of it."""


Answer = Value | Stale | Missing


class OnlineFeatures:
    """Reads one set from one store."""

    def __init__(self, store: FeatureStore, stored: FeatureSet = MICRO) -> None:
        self._store = store
        self._set = stored
        self._service = store.get_feature_service(stored.service)

    def read(self, symbols: Sequence[str], max_age: int, now: int) -> dict[str, Answer]:
        """Each symbol's newest row. max_age: ns; now: what age is measured against, ns since 1970."""
        answered = self._store.get_online_features(
            features=self._service, entity_rows=[{"symbol": symbol} for symbol in symbols]
        ).proto
        columns = dict(zip(answered.metadata.feature_names.val, answered.results, strict=True))
        return {
            symbol: self._answer(columns, at, max_age, now) for at, symbol in enumerate(symbols)
        }

    def _answer(self, columns: Mapping[str, Any], at: int, max_age: int, now: int) -> Answer:
        time = columns[READY].event_timestamps[at].ToNanoseconds()
        values = [_number(columns[name].values[at]) for name in (*self._set.names, READY)]
        if not time or None in values:
            return Missing()
        age = now - time
        if age > max_age:
            return Stale(age)
        *vector, ready = values
        return Value(time, self._set.vector.pack(*vector), int(ready or 0), age)


def _number(value: Any) -> float | int | None:
    """What a protobuf value holds; None for nothing."""
    kind = value.WhichOneof("val")
    return None if kind is None else cast(float | int, getattr(value, kind))
