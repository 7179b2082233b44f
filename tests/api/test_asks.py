"""The controls process beside the kill switch: breakers are reset, replays queued, each once by its key."""

import asyncio
import json
import sys
from typing import Any

import httpx
import psycopg
import pytest

from api import replay_queue as queue
from streams import codec, control
from streams.log import read_all
from streams.settings import Settings
from streams.topics import CONTROL
from tests.api.requests import OPERATOR, READER, asked
from tests.api.test_stream import INSTRUMENT, _until_ok, serving, write

RESET = "/v1/breakers/BTC%2FUSD.KRAKEN/reset"
REPLAY = {
    "run_id": "asked-1",
    "since": "2026-01-01T00:00:00Z",
    "strategy": "none",
    "params": {"a": "1"},
}
KEY = {"Idempotency-Key": "k1"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (RESET, {}, KEY, 422),
        (RESET, {"reason": "r", "more": 1}, KEY, 422),
        (RESET, {"reason": "r"}, {}, 428),
        ("/v1/breakers/none/reset", {"reason": "r"}, KEY, 400),
        ("/v1/replays", {"run_id": "../x"}, KEY, 422),
        ("/v1/replays", REPLAY | {"strategy": "os:system"}, KEY, 422),
        ("/v1/replays", REPLAY | {"params": {"a": "$(x)"}}, KEY, 422),
        ("/v1/replays", REPLAY, {}, 428),
        ("/v1/replays", REPLAY, KEY, 503),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    absent: Settings, path: str, body: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    content = json.dumps(body).encode()
    answer = asked(
        absent, path, "POST", token=OPERATOR, controls=True, content=content, headers=headers
    )
    assert answer.status_code == status, answer.text
    refused = asked(absent, path, "POST", token=READER, controls=True, content=content)
    assert refused.status_code == 403
    elsewhere = asked(absent, path, "POST", token=OPERATOR, content=content)
    assert elsewhere.status_code in (404, 405)


def test_a_breaker_is_reset_once_and_a_replay_is_queued_taken_and_ended(
    broker: str, stored: dict[str, str], absent: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = absent.model_copy(update={"brokers": broker, **stored})
    with psycopg.connect(settings.postgres_url, autocommit=True) as connection:
        connection.execute(OPEN_SQL)
    settings = settings.model_copy(update={"redis_url": ""})  # what is current comes from SQL

    async def run() -> None:
        content = {"kind": "instrument", "instrument": json.loads(INSTRUMENT.model_dump_json())}
        await write(broker, CONTROL, "instrument:BTC/USD.KRAKEN", codec.encode(content))
        auth = {"Authorization": f"Bearer {OPERATOR}"}
        async with (
            serving(settings, controls=True) as url,
            httpx.AsyncClient(base_url=url, timeout=10, headers=auth) as http,
        ):
            await _until_ok(http, "/v1/kill-switch")
            first = await http.post(RESET, json={"reason": "looked at"}, headers=KEY)
            again = await http.post(RESET, json={"reason": "looked at"}, headers=KEY)
            assert (first.status_code, again.json()) == (202, first.json()), first.text
            queued = await http.post("/v1/replays", json=REPLAY, headers={"Idempotency-Key": "k2"})
            assert queued.status_code == 202
            told = await http.get(queued.headers["location"])
            assert (told.json()["state"], told.json()["kind"]) == ("queued", "replay")
            twice = await http.post("/v1/replays", json=REPLAY, headers={"Idempotency-Key": "k3"})
            assert twice.status_code == 409
        records = [
            control.read(r.value or b"") for r in await read_all(broker, CONTROL.name, partition=0)
        ]
        resets = [record for record in records if isinstance(record, control.Reset)]
        assert [(r.symbol, r.reason) for r in resets] == [("BTC/USD.KRAKEN", "looked at")]

    asyncio.run(run())
    assert _served(settings.postgres_url, monkeypatch) == ["--from", "2026-01-01T00:00:00Z"]


OPEN_SQL = """
UPDATE current_state SET value = (value::jsonb || '{"breaker": "book"}')::json
WHERE kind = 'mark' AND symbol = 'BTC/USD.KRAKEN'"""


def _served(url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Take the row with a command of the test's own, twice; the first options that it was given."""
    given: list[list[str]] = []

    async def run(words: list[str], stop: asyncio.Event) -> int:
        given.append(words)
        return 3

    monkeypatch.setattr(queue, "_run", run)
    ended = [asyncio.run(queue.serve(url, [], asyncio.Event(), once=True)) for _ in range(2)]
    assert ended == [1, 0], "what has ended is not taken again"
    with psycopg.connect(url) as connection:
        codes = connection.execute("SELECT exit_code FROM replay_queue").fetchall()
    assert codes == [(3,)]
    assert given[0][:2] == ["--run", "asked-1"] and given[0][-1] == "--store"
    return given[0][2:4]


def test_a_replay_that_cannot_run_ends_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real command: a name that cannot be is refused at once."""
    assert sys.executable
    code = asyncio.run(queue._run(["--run", "x", "--speed", "nonsense"], asyncio.Event()))
    assert code not in (None, 0)
