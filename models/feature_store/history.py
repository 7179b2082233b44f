"""The offline side: rows as the history has them, joined at points of event time, as a training set would be."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from feast import FeatureStore

from models.feature_store.push import event_time
from models.feature_store.relations import EVENT_TIME, READY
from models.feature_store.sets import FeatureSet


class Point(NamedTuple):
    """A symbol at an event time (ns)."""

    symbol: str
    time: int


class Joined(NamedTuple):
    """What the join gives for a point."""

    vector: bytes
    ready: int


def joined(
    store: FeatureStore, stored: FeatureSet, points: Sequence[Point]
) -> dict[Point, Joined | None]:
    """Each point's row of that moment or the last one before within the ttl; None: there is none."""
    if not points:
        return {}
    wanted = pd.DataFrame(
        {
            "symbol": [point.symbol for point in points],
            EVENT_TIME: [event_time(point.time) for point in points],
            "point": range(len(points)),
        }
    )
    service = store.get_feature_service(stored.service)
    found = store.get_historical_features(entity_df=wanted, features=service).to_df()
    answers: dict[Point, Joined | None] = dict.fromkeys(points)
    rows = zip(found["point"], found[READY], *(found[name] for name in stored.names), strict=True)
    for at, ready, *values in rows:
        if not pd.isna(ready):
            answers[points[at]] = Joined(stored.vector.pack(*values), int(ready))
    return answers
