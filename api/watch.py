"""What the API knows of processes, log and feed: looked at every two seconds, so that no request waits for them."""

import asyncio
import logging
import socket
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from api.current import CurrentReader
from api.log_view import UNREADABLE, LogView, Topics
from api.problems import Problem
from streams.codec import Undecodable
from streams.settings import Settings
from streams.topics import MARKS

log = logging.getLogger("headrace.api")

EVERY_S = 2.0
OPS_TIMEOUT_S = 1.0
BY_NAME = "dns+"
"""Before a URL of HEADRACE_OPS_URLS: the processes behind one name, which come and go."""

STALE_S = 10.0


class Watch:
    """The last look at each thing, and when it was."""

    def __init__(self, settings: Settings, current: CurrentReader) -> None:
        self._urls = [
            url.strip().rstrip("/") for url in settings.ops_urls.split(",") if url.strip()
        ]
        self._log_view = LogView(settings.brokers, (settings.app, f"{settings.app}-sink"))
        self._current = current
        self._topics: Topics | None = None
        self._looked_at = 0.0
        self.processes: list[dict[str, Any]] = [_unreachable(url) for url in self._urls]
        self.sources: dict[str, int] | None = None
        self.open_breakers: int | None = None
        self.rates: dict[str, float] = {}

    @property
    def topics(self) -> Topics | None:
        """Offsets by topic; None while the brokers do not answer."""
        is_fresh = time.monotonic() - self._looked_at < STALE_S
        return self._topics if is_fresh else None

    @property
    def age_s(self) -> float:
        """How old the offsets are."""
        return time.monotonic() - self._looked_at

    async def run(self) -> None:
        """Look for ever. Each look ends by itself, so a hanging part holds up no other for long."""
        async with httpx.AsyncClient(timeout=OPS_TIMEOUT_S) as client:
            try:
                while True:
                    await asyncio.gather(
                        self._look_at_log(), self._ask(client), self._look_at_feed()
                    )
                    await asyncio.sleep(EVERY_S)
            finally:
                await self._log_view.close()

    async def _look_at_log(self) -> None:
        try:
            found = await self._log_view.look()
        except UNREADABLE as error:
            log.warning("the log cannot be looked at: %r", error)
            return
        now = time.monotonic()
        if self._topics is not None:
            self.rates = _rates(self._topics, found, now - self._looked_at)
        self._topics, self._looked_at = found, now

    async def _ask(self, client: httpx.AsyncClient) -> None:
        urls = [url for each in self._urls for url in await _addresses(each)]
        self.processes = list(await asyncio.gather(*(_ask(client, url) for url in urls)))

    async def _look_at_feed(self) -> None:
        """Which sources the marks of now came from, and how many breakers are open; None while no store says."""
        try:
            values = (await self._current.read("mark")).values["mark"]
            marks = [MARKS.decode(value) for value in values]
        except (Problem, Undecodable):
            self.sources = self.open_breakers = None
            return
        self.sources = dict(Counter(mark.source for mark in marks))
        self.open_breakers = sum(1 for mark in marks if mark.breaker)


async def _addresses(url: str) -> list[str]:
    """A URL itself; `dns+http://worker:8001` stands for one at each address that the name has now."""
    if not url.startswith(BY_NAME):
        return [url]
    parts = urlsplit(url.removeprefix(BY_NAME))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(OPS_TIMEOUT_S):
            found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return [url]  # unreachable, and shown so
    hosts = sorted({str(address[0]) for *_, address in found})
    return [f"{parts.scheme}://{f'[{h}]' if ':' in h else h}:{parts.port}" for h in hosts]


async def _ask(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        answer = await client.get(f"{url}/status")
        return {"url": url, "reachable": True, "status": msgspec.json.decode(answer.content)}
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError):
        return _unreachable(url)


def _unreachable(url: str) -> dict[str, Any]:
    return {"url": url, "reachable": False, "status": None}


def _rates(before: Topics, now: Topics, seconds: float) -> dict[str, float]:
    """Offsets a second by topic; none for a topic that was not there."""
    ends = {topic: sum(p["end"] for p in partitions) for topic, partitions in before.items()}
    return {
        topic: round(max(0, sum(p["end"] for p in partitions) - ends[topic]) / seconds, 1)
        for topic, partitions in now.items()
        if topic in ends
    }
