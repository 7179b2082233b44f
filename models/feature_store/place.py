"""Which Feast project and which stores: the live ones, or those of one replay, which may never be the live ones."""

import json
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict

LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
RUN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TLS_FILES = ("sslrootcert", "sslcert", "sslkey")
NO_PASSWORD = "none"
"""Feast demands one; a server that asks for none reads it not."""


class PlaceRefused(Exception):
    """These stores may not be used so; a person has to say which."""


class Place(NamedTuple):
    """One Feast project and its stores. database: the number of its Redis database."""

    project: str
    postgres_url: str
    redis_url: str

    @property
    def database(self) -> int:
        return _database(self.redis_url)


def live(app: str, postgres_url: str, redis_url: str) -> Place:
    """The stores of the running system. Raises PlaceRefused without them."""
    if not postgres_url or not redis_url:
        raise PlaceRefused("set HEADRACE_POSTGRES_URL and HEADRACE_REDIS_URL")
    return Place(app.replace("-", "_"), postgres_url, redis_url)


def of_replay(system: Place, run: str, database: int) -> Place:
    """The stores of one replay: a project and a Redis database of its own.

    The store below keeps the newest row, so an older run's rows would be dropped in silence among the live ones.
    Raises PlaceRefused for the live database.
    """
    if not RUN.fullmatch(run):
        raise PlaceRefused(f"{run!r} is no name of a run: lower case, digits, - and _")
    if database == system.database:
        raise PlaceRefused(f"Redis database {database} is the live one: a replay needs its own")
    parts = urlsplit(system.redis_url)
    redis_url = urlunsplit(parts._replace(path=f"/{database}"))
    return Place(f"{system.project}_replay_{run.replace('-', '_')}", system.postgres_url, redis_url)


def postgres(url: str) -> dict[str, str]:
    """host, port, user, password, database, sslmode, files of TLS. A server elsewhere must speak TLS unless told."""
    given = conninfo_to_dict(url)
    host = str(given.get("host") or "127.0.0.1")
    return {name: str(given[name]) for name in TLS_FILES if given.get(name)} | {
        "host": host,
        "port": str(given.get("port") or 5432),
        "user": str(given.get("user") or ""),
        "password": str(given.get("password") or NO_PASSWORD),
        "database": str(given.get("dbname") or ""),
        "sslmode": str(given.get("sslmode") or ("disable" if host in LOCAL else "require")),
    }


def redis(url: str) -> str:
    """Feast's own form, `host:port,db=0,ssl=true,password="..."`. Raises PlaceRefused where it cannot say it."""
    parts = urlsplit(url)
    words = [f"{parts.hostname}:{parts.port or 6379}", f"db={_database(url)}"]
    if parts.scheme == "rediss":
        words.append("ssl=true")
    for name, value in (("username", parts.username), ("password", parts.password)):
        if value:
            words.append(f"{name}={_quoted(unquote(value))}")
    words += [f"{name}={_quoted(value)}" for name, value in parse_qsl(parts.query)]
    return ",".join(words)


def _quoted(text: str) -> str:
    """As JSON, or a password of digits would become a number."""
    if "," in text:
        raise PlaceRefused("Feast cannot take a Redis user, password or option with a comma")
    return json.dumps(text)


def _database(url: str) -> int:
    path = urlsplit(url).path.strip("/")
    return int(path) if path.isdecimal() else 0
