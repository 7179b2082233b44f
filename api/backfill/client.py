"""One page of a source, however often it has to be asked for: the only place that speaks HTTP."""

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

import httpx

from api.backfill import retry
from api.backfill.retry import TokenBucket

CONNECT_S = 5.0
READ_S = 30.0
BODY_BYTES_MAX = 32 << 20
ERROR_SHOWN = 200


class Again(Exception):
    """An answer that may be another the next time. reason: what it is counted by. asked_s: the pause it asks for."""

    def __init__(self, reason: str, detail: str = "", asked_s: float = 0.0) -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.asked_s = asked_s


class Failed(Exception):
    """The source refuses, or has not answered in all attempts."""


@dataclass(frozen=True)
class Page:
    """A whole answer: its JSON with exact numbers, and the SHA-256 of its bytes."""

    body: Any
    sha256: str


@dataclass(frozen=True)
class World:
    """Clocks (seconds), sleep and chance; tests bring their own."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random


@dataclass
class Client:
    """Asks one source. refused: raises Again or Failed for what a source says of itself in a 200."""

    base_url: str
    rate: float
    refused: Callable[[Any], None]
    world: World = field(default_factory=World)
    headers: Mapping[str, str] = field(default_factory=dict)
    read_s: float = READ_S
    on_retry: Callable[[str], None] = lambda _reason: None

    def __post_init__(self) -> None:
        timeout = httpx.Timeout(self.read_s, connect=CONNECT_S)
        # Redirects are not followed: none is documented, and one to another host could carry a key there.
        self._http = httpx.AsyncClient(
            base_url=self.base_url, timeout=timeout, headers=dict(self.headers)
        )
        world = self.world
        self._bucket = TokenBucket(self.rate, max(1.0, self.rate), world.monotonic, world.sleep)

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def page(self, path: str, parameters: Mapping[str, str]) -> Page:
        """The answer, in at most `retry.ATTEMPTS` attempts. Raises Failed, MustWait."""
        for attempt in range(retry.ATTEMPTS):
            await self._bucket.take()
            try:
                return await self._once(path, parameters)
            except Again as error:
                last = error
            self.on_retry(last.reason)
            if attempt + 1 < retry.ATTEMPTS:
                await self.world.sleep(retry.delay(attempt, last.asked_s, self.world.random))
        raise Failed(f"no answer in {retry.ATTEMPTS} attempts: {last}")

    async def _once(self, path: str, parameters: Mapping[str, str]) -> Page:
        try:
            async with self._http.stream("GET", path, params=parameters) as response:
                body = await _read(response)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Again(type(error).__name__, str(error)) from error
        if response.status_code in retry.TRANSIENT:
            asked = retry.retry_after(response.headers.get("retry-after"), self.world.now())
            raise Again(str(response.status_code), asked_s=asked)
        if response.status_code != httpx.codes.OK:
            raise Failed(f"{response.status_code}: {body[:ERROR_SHOWN].decode(errors='replace')!r}")
        tree = _exact(body)
        self.refused(tree)
        return Page(tree, hashlib.sha256(body).hexdigest())


async def _read(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Failed(f"an answer of more than {BODY_BYTES_MAX} bytes")
        parts.append(part)
    return b"".join(parts)


def _exact(body: bytes) -> Any:
    """JSON whose numbers are int and Decimal. What is none was cut short, or came from something on the way: Again."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Again("not_json", repr(body[:ERROR_SHOWN])) from error


def _no_number(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON")
