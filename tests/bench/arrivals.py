"""What a reader of the result topics sees of a run's orders, and when."""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.topics import DECISIONS, FILLS

POLL_MS = 200
NOT_SEEN = 0.0


class Seen(msgspec.Struct):
    """The part of a decision or fill that says which order it is of."""

    client_order_id: str
    outcome: str = ""
    reason: str = ""


class Arrivals:
    """When the decision and the fill of each order of a run were seen, by the loop's clock. total: of orders."""

    def __init__(self, run: str, total: int) -> None:
        self.decided = [NOT_SEEN] * total
        self.filled = [NOT_SEEN] * total
        self.refused: Counter[str] = Counter()
        self.decisions = self.fills = 0
        self.decided_all, self.filled_all = asyncio.Event(), asyncio.Event()
        self._prefix = f"{run}-"
        self._decode = msgspec.json.Decoder(Seen).decode

    async def watch(self, consumer: AIOKafkaConsumer) -> None:
        """Reads on until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            now = clock()
            for place, records in fetched.items():
                self.take(place.topic, records, now)

    def take(self, topic: str, records: Sequence[Any], now: float) -> None:
        """Notes the records of one topic. AssertionError for an order that is decided or filled twice."""
        times = {DECISIONS.name: self.decided, FILLS.name: self.filled}[topic]
        for record in records:
            seen = self._decode(record.value)
            if not seen.client_order_id.startswith(self._prefix):
                continue
            number = int(seen.client_order_id[len(self._prefix) :])
            assert times[number] == NOT_SEEN, f"{topic} has {seen.client_order_id} twice"
            times[number] = now
            if topic == FILLS.name:
                self.fills += 1
            else:
                self.decisions += 1
                if seen.outcome != "accepted":
                    self.refused[seen.reason] += 1
        if self.decisions == len(self.decided):
            self.decided_all.set()
        if self.fills + self.refused.total() == len(self.filled):
            self.filled_all.set()


def latencies_ms(times: Sequence[float], rate: float, start: float) -> list[float]:
    """Sorted latencies from the moment each order was due; all of them have been seen."""
    assert NOT_SEEN not in times, "an order that was not seen has no latency"
    return sorted(1000 * (time - (start + number / rate)) for number, time in enumerate(times))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
