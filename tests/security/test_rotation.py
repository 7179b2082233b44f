"""A worker over TLS: orders become fills, and passwords are changed under it without one being lost."""

import asyncio
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api import producing, reference
from streams import log, topics
from streams.feeds.synthetic import SyntheticSource
from streams.instants import time_text
from streams.login import Brokers, Login, refusal
from streams.messages import TERMINAL
from streams.secret import SecretFile
from tests.faults import cluster
from tests.faults.workers import Worker
from tests.security.broker import ADMIN, APP, PARTITIONS, SecureKafka
from tests.support.beside import market

pytestmark = [pytest.mark.kafka, pytest.mark.soak]
SYMBOL = "BTC/USD.SIM"
QTY = "0.001"
ORDERS = 120
PER_SECOND = 20.0
ANSWER_S = 40.0


def _order(id: str) -> bytes:
    order = {
        "v": 1, "cmd": "new", "account": "paper", "client_order_id": id,
        "created_at": time_text(time.time_ns()), "symbol": SYMBOL, "side": "buy",
        "type": "market", "qty": QTY,
    }  # fmt: skip
    return json.dumps(order).encode()


@contextmanager
def _market(broker: SecureKafka) -> Iterator[None]:
    source = SyntheticSource(7)
    records = [*reference.instruments(source.instruments), *reference.paper_account("paper", "USD")]
    asyncio.run(reference.publish(broker.login("operator"), records))
    with market(source, broker.login("feed"), PARTITIONS):
        yield


async def _load(broker: SecureKafka, rotate_after: int) -> list[str]:
    """Orders at a steady pace, and the ids that were acknowledged; the passwords change in its midst."""
    acked = []
    for first, last in ((0, rotate_after), (rotate_after, ORDERS)):
        if first:
            await asyncio.to_thread(broker.rotate, "trader", "next-password-of-trader")
            await asyncio.to_thread(broker.rotate, "worker", "next-password-of-worker")
        async with producing.producer(broker.login("trader")) as producer:
            for number in range(first, last):
                await producing.send(producer, topics.ORDERS, "paper", _order(f"o-{number}"))
                acked.append(f"o-{number}")
                await asyncio.sleep(1 / PER_SECOND)
    return acked


def _read(broker: SecureKafka, topic: str) -> list[dict[str, Any]]:
    records = asyncio.run(log.read_all(broker.login("api"), topic))
    return [json.loads(record.value or b"null") for record in records]


def _until_one_more_fills(broker: SecureKafka, acked: list[str]) -> None:
    """Orders with the new passwords until the worker that came back has filled one."""
    end = time.monotonic() + ANSWER_S
    while not {str(fill["client_order_id"]) for fill in _read(broker, "fills")} & set(
        acked[ORDERS:]
    ):
        assert time.monotonic() < end, "nothing is filled after the rotation"
        acked.append(f"later-{len(acked)}")
        asyncio.run(_send(broker, acked[-1]))
        time.sleep(0.5)


async def _send(broker: SecureKafka, id: str) -> None:
    async with producing.producer(broker.login("trader")) as producer:
        await producing.send(producer, topics.ORDERS, "paper", _order(id))


def _until_settled(broker: SecureKafka, ids: set[str]) -> list[dict[str, Any]]:
    """How orders ended, once each has or is refused; a thin book may end the rest of one."""
    end = time.monotonic() + ANSWER_S
    while True:
        ended = [e for e in _read(broker, "orders.events") if e["state"] in TERMINAL]
        decisions = _read(broker, "risk.decisions")
        refused = {d["client_order_id"] for d in decisions if d["outcome"] == "rejected"}
        if ids <= {e["client_order_id"] for e in ended} | refused or time.monotonic() > end:
            return ended
        time.sleep(0.2)


def _filled(broker: SecureKafka) -> dict[str, Decimal]:
    """What was filled of each order, in one fill or more."""
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in _read(broker, "fills"):
        filled[fill["client_order_id"]] += Decimal(fill["qty"])
    return dict(filled)


def _until_marked(broker: SecureKafka, worker: Worker) -> None:
    end = time.monotonic() + ANSWER_S
    while not any(mark["symbol"] == SYMBOL for mark in _read(broker, "market.marks")):
        assert worker.running(), worker.text()
        assert time.monotonic() < end, "the worker marks nothing"
        time.sleep(0.1)


def test_passwords_change_under_load_and_no_order_is_lost(
    broker: SecureKafka, tmp_path: Path
) -> None:
    cluster.empty_topics(broker.login(ADMIN))  # of what others have put there
    before = broker.login("worker")
    assert asyncio.run(refusal(before)) == ""
    settings = broker.environment("worker")
    with (
        Worker(
            "-m api.cli worker", broker.bootstrap, tmp_path, app=APP, settings=settings
        ) as worker,
        _market(broker),
    ):
        _until_marked(broker, worker)
        acked: list[str] = []
        load = threading.Thread(
            target=lambda: acked.extend(asyncio.run(_load(broker, ORDERS // 2)))
        )
        load.start()
        while "next" not in broker.password_file("worker").read_text():
            time.sleep(0.05)
        time.sleep(0.5)  # still over the connections that it has
        assert worker.running()
        assert worker.stop() == 0
        worker.start()
        load.join()
        assert len(acked) == ORDERS
        _until_one_more_fills(broker, acked)
        ended = _until_settled(broker, set(acked))
    decisions = _read(broker, "risk.decisions")
    assert Counter(d["client_order_id"] for d in decisions if d["kind"] == "new") == Counter(acked)
    accepted = [d["client_order_id"] for d in decisions if d["outcome"] == "accepted"]
    refused = Counter(d["reason"] for d in decisions if d["outcome"] == "rejected")
    print(
        f"{len(acked)} orders acknowledged: {len(accepted)} accepted and ended once each, "
        f"refused by name: {dict(refused)}"
    )
    assert Counter(event["client_order_id"] for event in ended) == Counter(accepted)
    told = {event["client_order_id"]: Decimal(event["filled"]) for event in ended}
    assert _filled(broker) == {id: qty for id, qty in told.items() if qty}
    assert refused.keys() <= {"STALE_PRICE"}, "of the market while the worker was away"
    assert asyncio.run(refusal(before)) == "", "a client of before takes the new password"
    assert "refuses the login" in asyncio.run(
        refusal(_with(before, tmp_path, "password-of-worker"))
    )
    assert "password-of" not in worker.text()


def _with(brokers: Brokers, directory: Path, password: str) -> Brokers:
    file = directory / "old.password"
    file.touch(mode=0o600)
    file.write_text(password)
    return Brokers(brokers, Login(brokers.login.user, SecretFile(file), brokers.login.ca))
