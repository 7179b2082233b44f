"""Asks the parts for their figures, over and over, without ever waiting for one of them long."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from api.current import CurrentReader
from api.problems import Problem
from api.supervisor.directory import Run
from streams.settings import Settings

EVERY_S = 0.7
TIMEOUT_S = 0.6
STALE_S = 3.0
MARKS = "marks"


@dataclass(frozen=True)
class Answer:
    """What a part said last. at: monotonic seconds; before: the answer before it."""

    body: bytes
    at: float
    before: "Answer | None" = None


class Poller:
    """The last answer of each place; a place that does not answer keeps its old one, which grows stale."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._places: Mapping[str, str] = {
            "worker": f"{run.worker_url}/metrics",
            "sink": f"{run.sink_url}/status",
            "sink metrics": f"{run.sink_url}/metrics",
            "feed": f"{run.feed_url}/status",
            "positions": f"{run.api_url}/v1/positions",
            "orders": f"{run.api_url}/v1/orders?limit=500",
        } | ({"promotion": f"{run.promotion_url}/status"} if run.promotion_url else {})
        self._headers = {"Authorization": f"Bearer {run.api_token}"}
        self._current = CurrentReader(settings)
        self._names = (*self._places, MARKS)
        self.answers: dict[str, Answer] = {}
        self.marks: list[bytes] = []

    async def poll_for_ever(self) -> None:
        """Ask all places at once, every 0.7 s."""
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, headers=self._headers) as client:
                while True:
                    asked = [self._ask(client, place) for place in self._places]
                    await asyncio.gather(*asked, self._read_marks())
                    await asyncio.sleep(EVERY_S)
        finally:
            await self._current.close()

    def stale(self) -> tuple[str, ...]:
        """The places without a fresh answer."""
        now = time.monotonic()
        fresh = {place for place, answer in self.answers.items() if now - answer.at < STALE_S}
        return tuple(name for name in self._names if name not in fresh)

    async def _ask(self, client: httpx.AsyncClient, place: str) -> None:
        try:
            response = await client.get(self._places[place])
        except httpx.HTTPError:
            return  # shown as stale
        if response.status_code == 200:
            self._keep(place, response.content)

    async def _read_marks(self) -> None:
        """The API has no route for marks: they are read where it reads the positions."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                current = await self._current.read("mark")
        except (Problem, TimeoutError):
            return  # shown as stale
        self.marks = current.values["mark"]
        self._keep(MARKS, b"")

    def _keep(self, place: str, body: bytes) -> None:
        before = self.answers.get(place)
        if before is not None:
            before = Answer(before.body, before.at)
        self.answers[place] = Answer(body, time.monotonic(), before)
