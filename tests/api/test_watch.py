"""What the API sees of the log and of the processes, in process and once over a socket."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from agents.metrics import Metrics
from agents.ops import OpsServer, Probes
from api.app import build
from api.server import Server
from streams.ports import free_port
from streams.settings import Settings
from tests.api.requests import READER, with_watch

ATTEMPTS = 200


def ops(status: dict[str, Any]) -> OpsServer:
    server = OpsServer(Probes(Metrics().exposition, lambda: status))
    server.start()
    return server


async def until(
    http: httpx.AsyncClient, path: str, true: Callable[[httpx.Response], bool]
) -> httpx.Response:
    """Asks until it answers, as wanted."""
    last: object = None
    for _ in range(ATTEMPTS):
        try:
            answer = await http.get(path)
        except httpx.ConnectError as error:
            last = error
        else:
            if true(answer):
                return answer
            last = answer.text
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path} stays at {last}")


def is_ok(answer: httpx.Response) -> bool:
    return answer.status_code == 200


def test_topics_show_offsets_and_readiness_follows_the_log(broker: str, absent: Settings) -> None:
    async def work(http: httpx.AsyncClient, _app: Any) -> None:
        await until(http, "/v1/topics", is_ok)
        answer = await http.get("/v1/topics")
        trades = answer.json()["topics"]["market.trades"]
        assert [(p["partition"], p["begin"], p["end"]) for p in trades] == [(0, 0, 5), (1, 0, 5)]
        assert all(p["groups"] == {} for p in trades)
        assert (await http.get("/v1/status")).json()["log"] == "reachable"

    with_watch(absent.model_copy(update={"brokers": broker}), work)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([{"state": "READY"}, {"role": "sink"}], "RUNNING"),
        ([{"state": "RECOVERING"}, {"role": "sink"}], "RECOVERING"),
    ],
)
def test_status_shows_what_the_ops_ports_say(
    absent: Settings, states: list[dict[str, Any]], expected: str
) -> None:
    servers = [ops(state) for state in states]
    urls = ",".join(f"http://127.0.0.1:{server.port}" for server in servers)

    async def work(http: httpx.AsyncClient, _app: Any) -> None:
        answer = await until(http, "/v1/status", lambda a: a.json()["state"] == expected)
        assert [process["status"] for process in answer.json()["processes"]] == states

    try:
        with_watch(absent.model_copy(update={"ops_urls": urls}), work)
    finally:
        for server in servers:
            server.stop()


def test_a_process_that_does_not_answer_is_shown_as_such(absent: Settings) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    async def work(http: httpx.AsyncClient, _app: Any) -> None:
        body = (await http.get("/v1/status")).json()
        assert body["state"] == "DEGRADED"
        assert body["processes"] == [{"url": url, "reachable": False, "status": None}]

    with_watch(absent.model_copy(update={"ops_urls": f"{url}/"}), work)


def test_it_serves_over_a_socket(broker: str, absent: Settings) -> None:
    port = free_port()
    app = build(absent.model_copy(update={"brokers": broker}))
    server = Server(app, port)

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        headers = {"Authorization": f"Bearer {READER}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
            answer = await until(http, "/v1/topics", is_ok)
            assert len(json.loads(answer.content)["topics"]["market.trades"]) == 2
            assert (await http.post("/v1/status")).status_code == 405
            head = await http.head("/v1/status")
            assert (head.status_code, head.content) == (200, b"")
            assert "server" not in head.headers
        server.stop()
        await serving

    asyncio.run(run())
