"""The live stream: what is committed comes once, in order, over restarts, and to whoever may see it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from api.app import build
from api.server import Server
from api.stream import vector
from api.stream.events import Event
from api.stream.hub import QUEUE_MAX, Listener
from streams import codec
from streams.instruments import Instrument
from streams.ports import free_port
from streams.settings import Settings
from streams.topics import CONTROL, EVENTS, FILLS, MARKS, Topic
from tests.api.requests import OPERATOR, READER, TENANT
from tests.sinks.messages import fill, mark, order_event

INSTRUMENT = Instrument(
    symbol="BTC/USD.KRAKEN", base="BTC", quote="USD", venue="KRAKEN", tick="0.1", lot="0.01"
)
TEN_S = 10


class Frame:
    """One server-sent event."""

    def __init__(self, lines: list[str]) -> None:
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        self.id, self.type = fields.get("id", ""), fields.get("event", "")
        self.data: Any = json.loads(fields.get("data", "null"))


@asynccontextmanager
async def serving(settings: Settings, *, controls: bool = False) -> AsyncIterator[str]:
    """A server of its own over a socket; its URL."""
    port = free_port()
    server = Server(build(settings, with_controls=controls), port)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await asyncio.wait_for(running, TEN_S)


@asynccontextmanager
async def listening(
    url: str, query: str = "", last_id: str = "", token: str = READER
) -> AsyncIterator[AsyncIterator[Frame]]:
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with (
        httpx.AsyncClient(timeout=TEN_S) as http,
        http.stream("GET", f"{url}/v1/events{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield frames(answer)


async def frames(answer: httpx.Response) -> AsyncIterator[Frame]:
    lines: list[str] = []
    async for line in answer.aiter_lines():
        if line:
            lines.append(line)
            continue
        if any(part.startswith("event:") for part in lines):
            yield Frame(lines)
        lines = []


async def take(stream: AsyncIterator[Frame], *types: str, count: int = 1) -> list[Frame]:
    """The next frames of these types."""
    found: list[Frame] = []
    async with asyncio.timeout(TEN_S):
        async for frame in stream:
            if frame.type in types:
                found.append(frame)
            if len(found) == count:
                return found
    raise AssertionError(f"the stream ended after {len(found)} of {count}")


async def write(broker: str, topic: Topic, key: str, *messages: object) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for message in messages:
            value = message if isinstance(message, bytes) else codec.encode(message)
            await producer.send_and_wait(topic.name, value, key.encode())


@pytest.fixture
def live(broker: str, absent: Settings) -> Settings:
    return absent.model_copy(update={"brokers": broker})


def test_what_is_committed_comes_as_it_happens(broker: str, live: Settings) -> None:
    async def run() -> None:
        async with serving(live) as url, listening(url, "?types=fills,orders,marks") as stream:
            await take(stream, "hello")
            await write(broker, CONTROL, "instrument:BTC/USD.KRAKEN", _instrument())
            await write(broker, FILLS, "paper", fill(1), fill(2))
            await write(broker, EVENTS, "paper", order_event(1))
            fills = await take(stream, "fills", count=2)
            assert [frame.data["fill_id"] for frame in fills] == ["f1", "f2"]
            assert fills[0].data["at"]["topic"] == "fills"
            await take(stream, "orders")
            for number in range(20):
                await write(broker, MARKS, "BTC/USD.KRAKEN", mark(number))
            (marks,) = await take(stream, "marks")
            assert [m["symbol"] for m in marks.data["marks"]] == ["BTC/USD.KRAKEN"]

    asyncio.run(run())


def _instrument() -> bytes:
    content = {"kind": "instrument", "instrument": json.loads(INSTRUMENT.model_dump_json())}
    return codec.encode(content)


def test_over_a_restart_nothing_is_lost_and_nothing_comes_twice(
    broker: str, live: Settings
) -> None:
    async def run() -> None:
        async with serving(live) as url, listening(url, "?types=fills") as stream:
            await take(stream, "hello")
            await write(broker, FILLS, "paper", fill(10), fill(11))
            seen = await take(stream, "fills", count=2)
        await write(broker, FILLS, "paper", *(fill(number) for number in range(12, 15)))
        async with serving(live) as url:
            async with listening(url, "?types=fills", last_id=seen[0].id) as stream:
                await write(broker, FILLS, "second", fill(15, account="second"))
                again = await take(stream, "fills", count=5)
        ids = [frame.data["fill_id"] for frame in again]
        assert sorted(ids) == ["f11", "f12", "f13", "f14", "f15"]
        assert ids[:4] == ["f11", "f12", "f13", "f14"]

    asyncio.run(run())


@pytest.mark.parametrize("last_id", ["nonsense", "f0.1", "e0.99999999-f0.1"])
def test_an_id_that_cannot_be_resumed_is_a_reset(live: Settings, last_id: str) -> None:
    async def run() -> None:
        async with serving(live) as url, listening(url, last_id=last_id) as stream:
            (frame,) = await take(stream, "reset")
            assert frame.data["reason"]

    asyncio.run(run())


def test_a_tenant_hears_of_its_own_accounts_alone(broker: str, live: Settings) -> None:
    async def run() -> None:
        async with serving(live) as url, listening(url, "?types=fills", token=TENANT) as stream:
            await take(stream, "hello")
            await write(broker, FILLS, "paper", fill(20))
            await write(broker, FILLS, "second", fill(21, account="second"))
            (frame,) = await take(stream, "fills")
            assert frame.data["account"] == "second"

    asyncio.run(run())


def test_a_sixth_stream_of_a_principal_is_429_and_unknown_types_are_400(live: Settings) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(serving(live))
            headers = {"Authorization": f"Bearer {READER}"}
            http = await stack.enter_async_context(httpx.AsyncClient(timeout=TEN_S))
            streams = [await stack.enter_async_context(listening(url)) for _ in range(5)]
            for stream in streams:
                await take(stream, "hello")
            answer = await http.get(f"{url}/v1/events", headers=headers)
            assert answer.status_code == 429
            bad = await http.get(f"{url}/v1/events?types=colours", headers=headers)
            assert bad.status_code == 400

    asyncio.run(run())


def test_a_client_that_does_not_keep_up_is_sent_away_and_bounded() -> None:
    listener = Listener("slow", {})
    given = [listener.give(Event("fills", "{}")) for _ in range(QUEUE_MAX + 5)]
    assert given.count(True) == QUEUE_MAX
    assert (listener.ended, listener.queue.qsize()) == ("slow", QUEUE_MAX)


def test_an_id_is_read_as_it_was_written() -> None:
    text = "c0.5-f1.7-e0.12-e1.0"
    decoded = vector.decode(text)
    assert decoded is not None and vector.encode(decoded) == text
    assert vector.decode("") is None and vector.decode("x0.1") is None


def test_the_switch_is_engaged_at_once_and_released_with_care(live: Settings) -> None:
    async def run() -> None:
        async with (
            serving(live, controls=True) as url,
            httpx.AsyncClient(
                base_url=url, timeout=TEN_S, headers={"Authorization": f"Bearer {OPERATOR}"}
            ) as http,
        ):
            path, scope = "/v1/kill-switch", {"scope": "account:drill", "reason": "drill"}
            await _until_ok(http, path)
            engaged = await http.post(path, json=scope | {"action": "engage"})
            assert engaged.status_code == 202
            assert engaged.json()["at"]["topic"] == "control"
            tag = await _until_engaged(http, path)
            release = scope | {"action": "release"}
            stale = {"If-Match": '"old"', "Idempotency-Key": "k1"}
            assert (await http.post(path, json=release, headers=stale)).status_code == 412
            good = {"If-Match": tag, "Idempotency-Key": "k1"}
            first = await http.post(path, json=release, headers=good)
            assert first.status_code == 202
            assert first.json()["seq"] > engaged.json()["seq"]
            again = await http.post(path, json=release, headers=good)
            assert (again.status_code, again.json()) == (202, first.json())
            other = await http.post(path, json=release | {"reason": "other"}, headers=good)
            assert other.status_code == 409

    asyncio.run(run())


async def _until_ok(http: httpx.AsyncClient, path: str) -> httpx.Response:
    for _ in range(100):
        answer = await http.get(path)
        if answer.status_code == 200:
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer.text)


async def _until_engaged(http: httpx.AsyncClient, path: str) -> str:
    for _ in range(50):
        answer = await _until_ok(http, path)
        if any(switch["engaged"] for switch in answer.json()["switches"]):
            return answer.headers["etag"]
        await asyncio.sleep(0.2)
    raise AssertionError(answer.text)
