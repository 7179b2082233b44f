"""Reads the log once for all who listen, and gives each of them the events, as long as they keep up."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from api import answers, shapes
from api.control_view import ControlView
from api.follow import Follower
from api.problems import Problem
from api.stream.events import TYPES, Event, of_record
from api.stream.vector import Vector
from streams.codec import Undecodable
from streams.ids import Ref
from streams.meter import RequestMeter
from streams.topics import BY_NAME, MARKS, PREDICTIONS

QUEUE_MAX = 1000
CLIENTS_MAX = 200
PRINCIPAL_MAX = 5
CONFLATE_S = 0.25
HEALTH_S = 2.0
PLACED_S = 5.0


class Listener:
    """One client. begun: what the hub had read when it came; ended: why nothing more comes, "" while it does."""

    def __init__(self, principal: str, begun: Vector) -> None:
        self.principal = principal
        self.begun = begun
        self.ended = ""
        self.queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_MAX)

    def give(self, event: Event) -> bool:
        """False once it does not keep up."""
        if not self.ended and self.queue.full():
            self.ended = "slow"
        if not self.ended:
            self.queue.put_nowait(event)
        return not self.ended


class Hub:
    """Begins to read with the first listener."""

    def __init__(
        self,
        brokers: str,
        control: ControlView,
        health: Callable[[], answers.Shown],
        meter: RequestMeter,
    ) -> None:
        exact = tuple(BY_NAME[name] for name in TYPES)
        self._exact = Follower(brokers, exact, "end", self._take)
        self._newest = Follower(brokers, (MARKS, PREDICTIONS), "end", self._keep)
        self._control = control
        self._health = health
        self._meter = meter
        self._listeners: set[Listener] = set()
        self._fresh: dict[tuple[str, str], Any] = {}
        self._predicted: dict[tuple[str, str], answers.Prediction] = {}
        self._ticking: asyncio.Task[None] | None = None
        self.closing = asyncio.Event()

    async def join(self, principal: str) -> Listener:
        """Raises Problem: 429 for one more of a principal, 503 above all, or while the log does not answer."""
        counts = Counter(listener.principal for listener in self._listeners)
        if counts[principal] >= PRINCIPAL_MAX:
            raise Problem(
                429, f"{PRINCIPAL_MAX} streams are yours already", headers={"Retry-After": "5"}
            )
        if len(self._listeners) >= CLIENTS_MAX:
            raise Problem(503, "too many streams", headers={"Retry-After": "5"})
        try:
            async with asyncio.timeout(PLACED_S):
                await asyncio.gather(self._exact.placed(), self._newest.placed())
        except TimeoutError:
            raise Problem(503, "Kafka does not answer") from None
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
        listener = Listener(principal, dict(self._exact.positions))
        self._listeners.add(listener)
        self._meter.streams(len(self._listeners))
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._meter.streams(len(self._listeners))

    def dropped(self, reason: str) -> None:
        """Count a listener that was sent away."""
        self._meter.stream_dropped(reason)

    async def stop(self) -> None:
        self.closing.set()
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.gather(self._exact.stop(), self._newest.stop())

    def _take(self, record: Any) -> None:
        if not self._listeners:
            return
        event = of_record(record)
        if event is not None:
            self._give(event)

    def _give(self, event: Event) -> None:
        for listener in self._listeners:
            listener.give(event)

    def _keep(self, record: Any) -> None:
        """The newest of each symbol, and of each model that serves it, until it is told."""
        if not self._listeners:
            return
        if record.topic == PREDICTIONS.name:
            found = _prediction(record)
            if found is not None and found.version:
                self._predicted[found.model, found.symbol] = found
            return
        self._fresh[record.topic, (record.key or b"").decode(errors="replace")] = record

    async def _tick(self) -> None:
        told = 0.0
        while True:
            await asyncio.sleep(CONFLATE_S)
            fresh, self._fresh = self._fresh, {}
            predicted, self._predicted = list(self._predicted.values()), {}
            models = answers.Predictions(predictions=predicted) if predicted else None
            for kind, shown in (("marks", self._marks(fresh)), ("models", models)):
                if shown is not None:
                    self._give(Event(kind, shown.model_dump_json()))
            if time.monotonic() - told >= HEALTH_S:
                told = time.monotonic()
                self._give(Event("health", self._health().model_dump_json()))

    def _marks(self, fresh: dict[tuple[str, str], Any]) -> answers.Marks | None:
        shown = []
        for record in (record for (topic, _), record in fresh.items() if topic == MARKS.name):
            try:
                message = MARKS.decode(record.value or b"")
            except Undecodable:
                continue
            shown.append(shapes.mark(message, self._control.instrument(message.symbol)))
        return answers.Marks(source="latest", as_of={}, marks=shown) if shown else None


def _prediction(record: Any) -> answers.Prediction | None:
    try:
        message = PREDICTIONS.decode(record.value or b"")
    except Undecodable:
        return None
    return shapes.prediction(message, Ref(record.topic, record.partition, record.offset))
