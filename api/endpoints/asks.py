"""POST of the controls process beside the kill switch: reset a symbol's breakers, queue a replay. Once by key."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import psycopg
from psycopg.types.json import Json
from starlette.requests import Request
from starlette.responses import Response

from api import producing, shapes
from api.access.guard import need_operate, token_of
from api.bodies import parsed
from api.endpoints.controls import KEY_MAX, SEND_S, Answered
from api.history import TIMEOUT_S
from api.parameters import NAME_, Given, path
from api.posts import ReplayAnswer, ReplayRequest, ResetAnswer, ResetRequest
from api.problems import Problem
from streams import control
from streams.topics import MARKS

QUEUE_SQL = """
INSERT INTO replay_queue (run_id, words, asked_by)
SELECT %(run)s, %(words)s, %(by)s WHERE NOT EXISTS (SELECT FROM runs WHERE run_id = %(run)s)
ON CONFLICT DO NOTHING"""


async def reset_breaker(request: Request) -> Response:
    """Close the circuit breakers of a symbol; 202 with the place of the control record.

    What is still wrong in its market opens them again. 409 where none is open.
    """
    need_operate(request)
    Given(request, ())
    symbol = path(request, NAME_)
    wanted = parsed(ResetRequest, await request.body())

    async def make() -> bytes:
        await _check_open(request, symbol)
        fields = {"symbol": symbol, "reason": wanted.reason, "issuer": token_of(request).principal}
        record = control.Reset.model_validate(fields)
        brokers = request.app.state.settings.brokers
        async with asyncio.timeout(SEND_S), producing.producer(brokers) as to:
            at = await producing.send_control(to, record)
        return ResetAnswer(symbol=symbol, at=shapes.place(at)).model_dump_json().encode()

    return Response(await _once(request, make), 202, media_type="application/json")


async def queue_replay(request: Request) -> Response:
    """Queue a replay for `headrace replay --serve`; 202 with its Location. 409 where its name is taken."""
    need_operate(request)
    Given(request, ())
    wanted = parsed(ReplayRequest, await request.body())

    async def make() -> bytes:
        await _queue(request, wanted)
        answer = ReplayAnswer(run_id=wanted.run_id, state="queued")
        return answer.model_dump_json().encode()

    body = await _once(request, make)
    where = {"Location": f"/v1/replays/{wanted.run_id}"}
    return Response(body, 202, headers=where, media_type="application/json")


async def _once(request: Request, make: Callable[[], Awaitable[bytes]]) -> bytes:
    """The answer to this Idempotency-Key, made when it is new."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise Problem(428, "this needs an Idempotency-Key")
    if len(key) > KEY_MAX:
        raise Problem(400, f"an Idempotency-Key has at most {KEY_MAX} characters")
    answered: Answered = request.app.state.answered
    principal = token_of(request).principal
    digest = hashlib.sha256(request.url.path.encode() + b"\n" + await request.body()).hexdigest()
    async with answered.lock:
        known = answered.find(principal, key, digest)
        if known is None:
            known = await make()
            answered.keep(principal, key, digest, known)
    return known


async def _check_open(request: Request, symbol: str) -> None:
    if request.app.state.control.instrument(symbol) is None:
        raise Problem(404, f"no instrument {symbol}, or control is not read yet")
    current = await request.app.state.current.read("mark")
    marks = [MARKS.decode(value) for value in current.values["mark"]]
    if not any(mark.breaker for mark in marks if mark.symbol == symbol):
        raise Problem(409, f"no breaker of {symbol} is open")


async def _queue(request: Request, wanted: ReplayRequest) -> None:
    url = request.app.state.settings.postgres_url
    if not url:
        raise Problem(503, "no history database is configured")
    given = {"run": wanted.run_id, "words": Json(wanted.words()), "by": token_of(request).principal}
    try:
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            await psycopg.AsyncConnection.connect(url, connect_timeout=TIMEOUT_S) as connection,
        ):
            queued = (await connection.execute(QUEUE_SQL, given)).rowcount
    except (psycopg.Error, OSError) as error:  # a TimeoutError too
        raise Problem(503, "the history database does not answer") from error
    if not queued:
        raise Problem(409, f"a run {wanted.run_id} exists already")
