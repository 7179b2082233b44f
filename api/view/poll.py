"""Asks the parts for their figures, over and over, without ever waiting for one of them long."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from api.supervisor.directory import Run

EVERY_S = 0.7
TIMEOUT_S = 0.6
STALE_S = 3.0


@dataclass(frozen=True)
class Answer:
    """What a part said last. at: monotonic seconds; before: the answer before it."""

    body: bytes
    at: float
    before: "Answer | None" = None


class Poller:
    """The last answer of each place; a place that does not answer keeps its old one, which grows stale."""

    def __init__(self, run: Run) -> None:
        self._places: Mapping[str, str] = {
            "worker": f"{run.worker_url}/metrics",
            "sink": f"{run.sink_url}/status",
            "sink metrics": f"{run.sink_url}/metrics",
            "feed": f"{run.feed_url}/status",
            "api": f"{run.api_url}/v1/status",
            "positions": f"{run.api_url}/v1/positions",
        }
        self.answers: dict[str, Answer] = {}

    async def poll_for_ever(self) -> None:
        """Ask all places at once, every 0.7 s."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            while True:
                await asyncio.gather(*(self._ask(client, place) for place in self._places))
                await asyncio.sleep(EVERY_S)

    def stale(self) -> tuple[str, ...]:
        """The places without a fresh answer."""
        now = time.monotonic()
        fresh = {place for place, answer in self.answers.items() if now - answer.at < STALE_S}
        return tuple(place for place in self._places if place not in fresh)

    async def _ask(self, client: httpx.AsyncClient, place: str) -> None:
        try:
            response = await client.get(self._places[place])
        except httpx.HTTPError:
            return  # shown as stale
        if response.status_code == 200:
            before = self.answers.get(place)
            if before is not None:
                before = Answer(before.body, before.at)
            self.answers[place] = Answer(response.content, time.monotonic(), before)
