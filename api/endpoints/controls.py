"""POST /v1/kill-switch, in the controls process alone: engage at once, release with care."""

import asyncio
import hashlib
import time
from collections import OrderedDict

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api import answers, bodies, producing, shapes
from api.access.guard import need_operate, token_of
from api.control_view import ControlView
from api.parameters import Given
from api.posts import KillAnswer, KillRequest
from api.problems import Problem
from streams import control

REMEMBER_S = 24 * 3600
REMEMBER_MAX = 10_000
SEND_S = 10.0
KEY_MAX = 200


class Answered:
    """What was answered to an Idempotency-Key: the same key and body get the same answer for a day."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[float, str, bytes]] = OrderedDict()
        self.lock = asyncio.Lock()

    def find(self, principal: str, key: str, digest: str) -> bytes | None:
        """Raises Problem(409) where the key stands for another body."""
        found = self._known.get((principal, key))
        if found is None or time.monotonic() - found[0] > REMEMBER_S:
            return None
        if found[1] != digest:
            raise Problem(409, "this Idempotency-Key was used for another request")
        return found[2]

    def keep(self, principal: str, key: str, digest: str, body: bytes) -> None:
        self._known[principal, key] = time.monotonic(), digest, body
        if len(self._known) > REMEMBER_MAX:
            self._known.popitem(last=False)


async def kill_switch(request: Request) -> Response:
    """Engage or release the kill switch of a scope; 202 with the place of the control record.

    Engaging needs neither If-Match nor Idempotency-Key: nothing may delay it.
    """
    need_operate(request)
    Given(request, ())
    body = await request.body()
    wanted = bodies.parsed(KillRequest, body)
    answered: Answered = request.app.state.answered
    principal = token_of(request).principal
    _record(wanted, 1, principal)  # what no number can mend is refused before anything is asked
    async with answered.lock:  # the number of a record is the last one's plus one
        key = request.headers.get("idempotency-key", "")
        if len(key) > KEY_MAX:
            raise Problem(400, f"an Idempotency-Key has at most {KEY_MAX} characters")
        digest = hashlib.sha256(body).hexdigest()
        known = answered.find(principal, key, digest) if key else None
        if known is None:
            if wanted.action == "release":
                await _check_conditions(request, key)
            known = await _turn(request, wanted, principal)
            if key:
                answered.keep(principal, key, digest, known)
    return Response(known, 202, media_type="application/json")


def etag(view: ControlView) -> str:
    """Of all switches: what `If-Match` of a release must carry."""
    text = answers.KillSwitch(switches=view.switches()).model_dump_json()
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


async def _check_conditions(request: Request, key: str) -> None:
    given = request.headers.get("if-match", "")
    if not given or not key:
        raise Problem(
            428, "a release needs If-Match, from GET /v1/kill-switch, and Idempotency-Key"
        )
    if given != etag(request.app.state.control):
        raise Problem(412, "the switches have changed since; look again")


def _record(wanted: KillRequest, seq: int, principal: str) -> control.Kill:
    fields = {
        "scope": wanted.scope,
        "action": "kill" if wanted.action == "engage" else "resume",
        "reason": wanted.reason,
        "seq": seq,
        "issuer": principal,
        "flatten": wanted.flatten,
    }
    try:
        return control.Kill.model_validate(fields)
    except ValidationError as error:
        raise bodies.refused(error) from None


async def _turn(request: Request, wanted: KillRequest, principal: str) -> bytes:
    view: ControlView = request.app.state.control
    numbers = {switch.scope: switch.seq for switch in view.switches()}
    # Engaging must take effect whatever other process turned it meanwhile, so its number leaps ahead.
    leap = 1 if wanted.action == "release" else 2
    record = _record(wanted, numbers.get(wanted.scope, 0) + leap, principal)
    async with (
        asyncio.timeout(SEND_S),
        producing.producer(request.app.state.settings.brokers) as to,
    ):
        at = await producing.send_control(to, record)
    answer = KillAnswer(
        scope=record.scope, action=wanted.action, seq=record.seq, at=shapes.place(at)
    )
    return answer.model_dump_json().encode()
