"""The embedded parts of a test session, each started by the first test that asks for it, and the order of tests."""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from sinks.local import LocalPostgres, LocalValkey
from streams.local import LocalKafka
from tests.support.timescale import LocalTimescale

SERVICES = ("kafka", "postgres", "timescale", "valkey")
LATE_MARKERS = ("crash", "soak")
MINUTES_S = 900
"""Who is allowed that long takes minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then those that need a service, then those that kill things.

    Where processes share the tests by file, the file that takes minutes begins before all, quick ones go beside it, and
    those that kill go before those that only wait, so that the end is even. A test that takes a service's fixture is
    marked with it.
    """
    for item in items:
        for service in SERVICES:
            if service in getattr(item, "fixturenames", ()):
                item.add_marker(service)
    items.sort(key=_turn if "PYTEST_XDIST_WORKER" in os.environ else _lateness)


def _lateness(item: pytest.Item) -> int:
    if any(item.get_closest_marker(name) for name in LATE_MARKERS):
        return 2
    return 1 if any(item.get_closest_marker(name) for name in SERVICES) else 0


def _turn(item: pytest.Item) -> tuple[int, int]:
    """Which kind, then who is allowed longest."""
    mark = item.get_closest_marker("timeout")
    allowed_s = mark.args[0] if mark else 0
    kind = 0 if allowed_s >= MINUTES_S else {0: 1, 2: 2, 1: 3}[_lateness(item)]
    return kind, -allowed_s


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of the session's broker."""
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the session's PostgreSQL."""
    with LocalPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server.url


@pytest.fixture(scope="session")
def timescale_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTimescale]:
    """The session's TimescaleDB."""
    with LocalTimescale(tmp_path_factory.mktemp("timescale")) as server:
        yield server


@pytest.fixture
def timescale(timescale_server: LocalTimescale) -> str:
    """The URL of an empty database with TimescaleDB, which takes one session at a time."""
    timescale_server.empty()
    return timescale_server.url


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the session's Valkey."""
    with LocalValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
def fresh_name() -> Callable[[str], str]:
    """Makes names that no other test uses: `fresh_name("orders")` -> `orders-5f1c9a02`; topics, groups, ids."""
    suffix = secrets.token_hex(4)
    return lambda name: f"{name}-{suffix}"
