"""What the page shows, made for its tests: a log that the test writes, a sink and an API as their own processes."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from api.access.tokens import new_token
from streams import codec
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import (
    Decision,
    Fill,
    Mark,
    OrderEvent,
    Position,
    Trade,
)
from streams.partition import partition_of
from streams.ports import free_port
from streams.predictions import Answer, Label, Prediction
from streams.topics import (
    CONTROL,
    DECISIONS,
    EVENTS,
    FILLS,
    LABELS,
    MARKS,
    POSITIONS,
    PREDICTIONS,
    TRADES,
    Topic,
)

PARTITIONS = 2
SYMBOL = "BTC/USD.KRAKEN"
START_MS = 1_767_225_600_000
START_S, STOP_S = 90.0, 20.0
PRICES = [60_000 + 8 * ((n * 37) % 101) + n for n in range(240)]
"""In units of currency: a market that moves, the same each time."""


class System:
    """Writes to the log and runs the processes. Call `start`, then end with `stop`."""

    def __init__(self, folder: Path, brokers: str, postgres: str, valkey: str, app: str) -> None:
        self.token, tokens = new_token("page", ("read", "operate"))
        file = folder / "tokens.json"
        file.touch(mode=0o600)
        file.write_text(tokens.model_dump_json())
        self._folder = folder
        self._brokers = brokers
        self._port, self._sink_ops = free_port(), free_port()
        self._environment = {
            **os.environ,
            "HEADRACE_APP": app,
            "HEADRACE_BROKERS": brokers,
            "HEADRACE_PARTITIONS": str(PARTITIONS),
            "HEADRACE_DATA": str(folder / "none"),
            "HEADRACE_POSTGRES_URL": postgres,
            "HEADRACE_REDIS_URL": valkey,
            "HEADRACE_API_PORT": str(self._port),
            "HEADRACE_API_TOKENS_FILE": str(file),
            "HEADRACE_OPS_URLS": f"http://127.0.0.1:{self._sink_ops}",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._number = 0
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._run("sink", ["sink"], self._sink_ops)
        self.start_api()
        self.until(lambda: self.get("/v1/kill-switch").status_code == 200)

    def start_api(self) -> None:
        self._run("api", ["api", "--controls"], free_port())

    def stop_api(self) -> None:
        """As an operator does: SIGTERM."""
        process = self._processes.pop("api")
        process.terminate()
        process.wait(STOP_S)

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(STOP_S)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {self.token}"})

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                if holds():
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < end, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(file.read_text()[-2000:] for file in self._folder.glob("*.log"))

    def write(self, topic: Topic, key: str, messages: Sequence[Any]) -> None:
        """Append messages to the partition of their key, as the engine would."""
        asyncio.run(self._write(topic, key, messages))

    async def _write(self, topic: Topic, key: str, messages: Sequence[Any]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._brokers) as producer:
            partition = partition_of(key, topic.partitions(PARTITIONS))
            for message in messages:
                moment = getattr(message, "time", START_MS * 1_000_000) // 1_000_000
                value = message if isinstance(message, bytes) else codec.encode(message)
                await producer.send(topic.name, value, key.encode(), partition, moment)
            await producer.flush()

    def _run(self, name: str, arguments: list[str], ops_port: int) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "api.cli", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self._environment, "HEADRACE_OPS_PORT": str(ops_port)},
            )

    # What happens in the market

    def furnish(self) -> None:
        """Four minutes of trades, an account with a position, orders, rejections, predictions and labels."""
        instrument = Instrument(
            symbol=SYMBOL, base="BTC", quote="USD", venue="KRAKEN", tick="0.1", lot="0.0001"
        )
        content = {"kind": "instrument", "instrument": instrument.model_dump(exclude_none=True)}
        self.write(CONTROL, f"instrument:{SYMBOL}", [codec.encode(content)])
        trades = [
            Trade(SYMBOL, price * 10, 50, _ns(n), _ns(n), n, "test", "buy")
            for n, price in enumerate(PRICES)
        ]
        self.write(TRADES, SYMBOL, trades)
        self.write(MARKS, SYMBOL, [self.mark(len(PRICES) - 1)])
        self.write(POSITIONS, "paper", [self.position("0.25", "60100", n) for n in (120, 200)])
        self.write(FILLS, "paper", [self.fill(n, side) for n, side in ((60, "buy"), (180, "sell"))])
        self.write(EVENTS, "paper", [self.order("o1", 200, price="59800"), self.order("o2", 201)])
        self.write(DECISIONS, "paper", [self.decision("o1", 200), self.rejection(210)])
        predictions = [self.prediction(n) for n in range(200, 204)]
        self.write(PREDICTIONS, SYMBOL, predictions)
        labels = [
            Label(
                p.prediction_id, SYMBOL, p.model, "up1s", "labelled", p.time, p.time, y=n % 2, p=0.6
            )
            for n, p in enumerate(predictions)
        ]
        self.write(LABELS, SYMBOL, labels)

    def mark(self, second: int, price: int | None = None) -> Mark:
        mid = (price or PRICES[second]) * 10
        cause = Ref("market.quotes", 0, second)
        at = _ns(second)
        return Mark(SYMBOL, mid - 1, mid + 1, 9, 9, mid, 2 * mid, "live", at, at, "test", cause)

    def position(self, qty: str, average: str, second: int) -> Position:
        return Position(
            "paper",
            SYMBOL,
            qty,
            average,
            "15025",
            "12.5",
            "4.25",
            "8.25",
            "84975",
            "100",
            _ns(second),
        )

    def fill(self, second: int, side: Any = "buy", order: str = "o1") -> Fill:
        self._number += 1
        return Fill(
            fill_id=f"f{self._number}",
            order_id=order,
            client_order_id=f"client-{order}",
            account="paper",
            symbol=SYMBOL,
            side=side,
            qty="0.05",
            price=str(PRICES[second]),
            notional=str(PRICES[second] * 5),
            fee="1.56",
            fee_rate=2600,
            liquidity="taker",
            rule="quote",
            cause=Ref("market.quotes", 0, second),
            order_ref=Ref("orders", 0, 3),
            time=_ns(second),
            active_at=_ns(second),
            bid=PRICES[second] * 10 - 1,
            ask=PRICES[second] * 10 + 1,
        )

    def order(self, name: str, second: int, price: str = "", **given: Any) -> OrderEvent:
        fields: dict[str, Any] = {
            "event_id": f"{name}:1",
            "order_id": name,
            "client_order_id": f"client-{name}",
            "account": "paper",
            "symbol": SYMBOL,
            "rev": 1,
            "type": "ACCEPTED",
            "state": "WORKING",
            "qty": "0.05",
            "filled": "0",
            "remaining": "0.05",
            "time": _ns(second),
            "cause": Ref("orders.accepted", 0, second),
            "side": "buy",
            "price": price or "60900",
        }
        return OrderEvent(**(fields | given))

    def decision(self, name: str, second: int) -> Decision:
        ref = Ref("orders", 0, second)
        fields: Any = {"client_order_id": f"client-{name}", "order_id": name, "symbol": SYMBOL}
        return Decision(f"d{second}", "new", "accepted", "paper", ref, _ns(second), **fields)

    def rejection(self, second: int) -> Decision:
        return Decision(
            f"d{second}",
            "new",
            "rejected",
            "paper",
            Ref("orders", 0, second),
            _ns(second),
            client_order_id=f"bad-{second}",
            symbol=SYMBOL,
            reason="OFF_TICK",
            detail="60000.05 is between ticks of 0.1",
        )

    def prediction(self, second: int) -> Prediction:
        served = Answer("v1", 0.61, learned=900)
        return Prediction(
            prediction_id=f"p{second}",
            symbol=SYMBOL,
            model="direction",
            time=_ns(second),
            bid=1,
            ask=2,
            mid2=3,
            served=served,
            features_ref=Ref("features", 0, second),
            outputs=(served, Answer("v2", 0.55, learned=100)),
        )


def _ns(second: int) -> int:
    return (START_MS + second * 1000) * 1_000_000
