"""A broker for the modules of this folder, and workers of the demo group on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streams.local import LocalKafka
from tests.faults.cluster import empty_topics
from tests.faults.workers import Worker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker of the module's own: its topics have fixed names."""
    with LocalKafka(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def brokers(broker: LocalKafka) -> str:
    """The broker's address, its topics empty."""
    empty_topics(broker.bootstrap)
    return broker.bootstrap


MakeWorker = Callable[..., Worker]


@pytest.fixture
def worker(brokers: str, tmp_path: Path, fresh_name: Callable[[str], str]) -> Iterator[MakeWorker]:
    """Makes started workers of one fresh group; all are gone after the test."""
    app = fresh_name("demo")
    with ExitStack() as workers:

        def make(name: str = "w0", **fields: Any) -> Worker:
            made = Worker(
                "-m tests.transport.worker", brokers, tmp_path, name=name, app=app, **fields
            )
            return workers.enter_context(made)

        yield make
