"""One running engine for the tests of this folder: a broker of its own, reference data, a worker, and ticks."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api import reference
from streams import log
from streams.feeds.synthetic import SyntheticSource
from streams.local import LocalKafka
from tests.faults import cluster
from tests.faults.workers import Worker
from tests.support.beside import market

SYMBOL = "BTC/USD.SIM"
ANSWER_S = 30.0


@dataclass
class Engine:
    """The engine under test, as a foreign client sees it."""

    brokers: str
    directory: Path
    seen: dict[str, int] = field(default_factory=dict)

    def order(self, id: str, **fields: Any) -> dict[str, Any]:
        """A market order of 0.01 that would fill, changed by `fields`; a field of None is left out."""
        base = {
            "v": 1, "cmd": "new", "account": "paper", "client_order_id": id,
            "created_at": datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "symbol": SYMBOL, "side": "buy", "type": "market", "qty": "0.01",
        }  # fmt: skip
        return {name: value for name, value in (base | fields).items() if value is not None}

    def send(self, order: dict[str, Any] | bytes, key: str = "paper") -> None:
        """Append one command, as bytes or as an object."""
        value = order if isinstance(order, bytes) else json.dumps(order).encode()
        cluster.put(self.brokers, [("orders", key, value, time.time_ns() // 1_000_000)])

    def read(self, topic: str) -> list[dict[str, Any]]:
        """All messages of a topic."""
        records = asyncio.run(log.read_all(self.brokers, topic))
        return [json.loads(record.value or b"null") for record in records]

    def until(self, topic: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message of a topic that is wanted, as soon as it is there."""
        end = time.monotonic() + ANSWER_S
        while time.monotonic() < end:
            for message in self.read(topic):
                if wanted(message):
                    return message
            time.sleep(0.1)
        raise AssertionError(f"nothing on {topic} within {ANSWER_S} s")

    def decision(self, id: str) -> dict[str, Any]:
        """The decision on a command, forwarding left aside."""
        return self.until(
            "risk.decisions",
            lambda d: d.get("client_order_id") == id and d["outcome"] != "forwarded",
        )


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running engine with a live synthetic market."""
    directory = tmp_path_factory.mktemp("system")
    source = SyntheticSource(7)
    records = [
        *reference.instruments(source.instruments),
        *reference.paper_account("paper", "USD"),
    ]
    with LocalKafka(directory / "kafka") as broker:
        brokers = broker.bootstrap
        cluster.apply(brokers)
        asyncio.run(reference.publish(brokers, records))
        with (
            Worker("-m api.cli worker", brokers, directory),
            market(source, brokers, cluster.PARTITIONS),
        ):
            engine = Engine(brokers, directory)
            engine.until("market.marks", lambda mark: mark["symbol"] == SYMBOL)
            yield engine
