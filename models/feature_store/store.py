"""Opens Feast on a place's stores, and says whether what it holds is what this version makes."""

from typing import Any

import redis
import sqlalchemy
from feast import FeatureStore, RepoConfig
from feast.errors import FeastObjectNotFoundException
from feast.infra.registry.sql import FeastRegistrySchemaError

from models.feature_store import place as places
from models.feature_store.definitions.views import SET_HASH_TAG
from models.feature_store.place import TLS_FILES, Place, PlaceRefused
from models.feature_store.relations import SCHEMA
from models.feature_store.sets import SETS

OWNER_KEY = "feast:project"
"""In each Redis database: whose rows are in it."""

ENTITY_KEY_VERSION = 3


class NotApplied(Exception):
    """The registry does not hold the definitions of this version."""


def open_store(place: Place, *, may_create: bool = False) -> FeatureStore:
    """Connects to nothing yet but the registry. Raises PlaceRefused, NotApplied, SQLAlchemy's errors.

    may_create: the registry's tables, where they are not there.
    """
    given = places.postgres(place.postgres_url)
    config: dict[str, Any] = {
        "project": place.project,
        "provider": "local",
        "entity_key_serialization_version": ENTITY_KEY_VERSION,
        "registry": {
            "registry_type": "sql",
            "path": _registry(given),
            "schema_mode": "auto" if may_create else "verify",
        },
        "offline_store": {
            "type": "postgres",
            "db_schema": SCHEMA,
            **{f"{name}_path" if name in TLS_FILES else name: v for name, v in given.items()},
            "port": int(given["port"]),
        },
        "online_store": {"type": "redis", "connection_string": places.redis(place.redis_url)},
    }
    store = FeatureStore(config=RepoConfig(**config))
    try:
        store.registry  # noqa: B018  connects when it is first looked at
    except FeastRegistrySchemaError as error:
        raise NotApplied(f"no registry of {place.project} in the database") from error
    return store


def close(store: FeatureStore) -> None:
    """End its sessions, which Feast itself lets lie."""
    registry: Any = store.registry  # one of SQL
    registry.write_engine.dispose()
    registry.read_engine.dispose()


def check(store: FeatureStore) -> None:
    """Each set's view must be there and be of this version's set. Raises NotApplied."""
    for stored in SETS:
        try:
            view = store.get_feature_view(stored.view)
        except FeastObjectNotFoundException as error:
            raise NotApplied(f"no feature view {stored.view} in {store.project}") from error
        if (found := view.tags.get(SET_HASH_TAG)) != stored.hash:
            raise NotApplied(f"{stored.view} is of set {found}, this version makes {stored.hash}")


def claim(place: Place) -> None:
    """Note whose rows the Redis database holds. Raises PlaceRefused where they are another's."""
    with redis.Redis.from_url(place.redis_url, decode_responses=True) as client:
        client.set(OWNER_KEY, place.project, nx=True)
        owner = client.get(OWNER_KEY)
    if owner != place.project:
        raise PlaceRefused(
            f"Redis database {place.database} belongs to {owner}: {place.project} needs its own"
        )


def _registry(given: dict[str, str]) -> str:
    asked = {name: given[name] for name in (*TLS_FILES, "sslmode") if name in given}
    url = sqlalchemy.URL.create(
        "postgresql+psycopg",
        given["user"],
        given["password"],
        given["host"],
        int(given["port"]),
        given["database"],
        asked | {"options": f"-csearch_path={SCHEMA}"},
    )
    return url.render_as_string(hide_password=False)
