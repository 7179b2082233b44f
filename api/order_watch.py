"""Follows one order through the topics: its decision, its events, its fills, as they are committed."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import log
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import TERMINAL, DeadLetter, Decision, Fill, OrderEvent
from streams.topics import BY_NAME, DEAD_LETTERS, DECISIONS, EVENTS, FILLS

Step = Decision | OrderEvent | Fill | DeadLetter
POLL_MS = 200
HELD_MAX = 1000
FILL_GRACE_S = 1.0
"""The last fill is in the same transaction as the terminal event, but in another topic."""


@dataclass
class Life:
    """What is known of one command and the order it made."""

    command: Ref
    account: str
    client_order_id: str
    order_id: str = ""
    steps: list[Step] = field(default_factory=list)

    def take(self, step: Step) -> bool:
        """Whether this step belongs to the order; keeps it if so."""
        if not self._is_ours(step):
            return False
        if isinstance(step, Decision) and step.order_id:
            self.order_id = step.order_id
        self.steps.append(step)
        return True

    @property
    def decision(self) -> Decision | None:
        """What risk decided on the command."""
        return next((step for step in self.steps if isinstance(step, Decision)), None)

    @property
    def refusal(self) -> str:
        """Why the command had no effect: the reason code, "" while it may have one."""
        for step in self.steps:
            if isinstance(step, DeadLetter):
                return step.reason
            if isinstance(step, Decision) and step.outcome == "rejected":
                return step.reason
        return ""

    @property
    def ended(self) -> OrderEvent | None:
        """The order's terminal event."""
        return next((s for s in self.steps if self._is_terminal(s)), None)  # type: ignore[return-value]

    @property
    def is_over(self) -> bool:
        """Whether no further step is to be expected."""
        decision = self.decision
        done = decision is not None and decision.outcome in ("duplicate", "applied")
        return bool(self.refusal) or done or self.ended is not None

    def _is_terminal(self, step: Step) -> bool:
        return (
            isinstance(step, OrderEvent)
            and step.state in TERMINAL
            and self.order_id in ("", step.order_id)
        )

    def _is_ours(self, step: Step) -> bool:
        match step:
            case DeadLetter():
                return step.origin == self.command
            case Decision():
                return step.command_ref == self.command
        if step.account != self.account:
            return False
        named = step.client_order_id == self.client_order_id
        return named or self.order_id in (step.order_id, step.parent_id) and bool(self.order_id)


class Watch:
    """A reader of the result topics, placed at their ends before the command is sent."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def place(self) -> None:
        """Stand at the present end of every result topic."""
        names = [topic.name for topic in (DECISIONS, EVENTS, FILLS, DEAD_LETTERS)]
        places = await log.partitions_of(self._consumer, names)
        ends = await self._consumer.end_offsets(places)
        self._consumer.assign(places)
        for place, end in ends.items():
            self._consumer.seek(place, end)

    async def follow(self, life: Life, seconds: float) -> AsyncIterator[Step]:
        """The order's steps, the decision first, until it is over or the time is up."""
        until = time.monotonic() + seconds
        held: list[Step] = []
        while time.monotonic() < until:
            held += self._steps(await self._consumer.getmany(timeout_ms=POLL_MS))
            # Topics are fetched apart: what follows a decision can be read before it.
            held.sort(key=_order)
            ours = [step for step in held if life.take(step)] if _is_answered(life, held) else []
            held = [step for step in held if step not in ours][-HELD_MAX:]
            for step in ours:
                yield step
            if life.is_over:
                until = min(until, time.monotonic() + (FILL_GRACE_S if life.ended else 0.0))

    def _steps(self, fetched: dict[TopicPartition, list[Any]]) -> list[Step]:
        steps: list[Step] = []
        for place, records in fetched.items():
            for record in records:
                try:
                    steps.append(BY_NAME[place.topic].decode(record.value))
                except Undecodable:
                    continue  # of a newer engine; not for this reader to judge
        return steps


def _is_answered(life: Life, held: list[Step]) -> bool:
    return bool(life.steps) or any(
        getattr(step, "command_ref", None) == life.command
        or getattr(step, "origin", None) == life.command
        for step in held
    )


def _order(step: Step) -> tuple[int, int]:
    match step:
        case Decision() | DeadLetter():
            return 0, 0
        case OrderEvent():
            return 1, step.rev
        case Fill():
            return 1, 1 << 30
