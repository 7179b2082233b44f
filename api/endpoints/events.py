"""GET /v1/events: the live stream as server-sent events, resumed from the id of the last one."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api import parameters
from api.access.guard import need, token_of
from api.parameters import Given
from api.problems import bad_parameter
from api.respond import check_accept
from api.stream import vector
from api.stream.events import ALL, Event
from api.stream.hub import Hub, Listener
from api.stream.resume import Gone, missed
from api.stream.vector import Vector

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2000
KEEP_ALIVE_S = 15.0
KNOWN = (parameters.TYPES_, parameters.ACCOUNT_)


async def events(request: Request) -> Response:
    """The stream; it ends when the server stops, or the client does not keep up."""
    given = Given(request, KNOWN)
    wanted = frozenset(given["types"].split(",")) if given["types"] else frozenset(ALL)
    if not wanted <= frozenset(ALL):
        raise bad_parameter("types", f"known are: {', '.join(ALL)}")
    if given["account"]:
        need(request, given["account"])
    check_accept(request, MEDIA_TYPE)
    hub: Hub = request.app.state.hub
    listener = await hub.join(token_of(request).principal)
    stream = _Stream(request, listener, wanted, given["account"])
    return StreamingResponse(
        stream.run(), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"}
    )


class _Stream:
    """One client's stream. sent: the vector of what it has."""

    def __init__(
        self, request: Request, listener: Listener, wanted: frozenset[str], account: str
    ) -> None:
        self._hub: Hub = request.app.state.hub
        self._brokers: str = request.app.state.settings.brokers
        self._last_id = request.headers.get("last-event-id", "")
        self._token = token_of(request)
        self._listener = listener
        self._wanted = wanted
        self._account = account
        self._sent: Vector = dict(listener.begun)

    async def run(self) -> AsyncIterator[str]:
        try:
            yield f"retry: {RETRY_MS}\n\n"
            async for text in self._from_where_it_left_off():
                yield text
            async for text in self._live():
                yield text
        finally:
            self._hub.leave(self._listener)

    async def _from_where_it_left_off(self) -> AsyncIterator[str]:
        since = vector.decode(self._last_id) if self._last_id else self._sent
        try:
            if since is None:
                raise Gone("the id is none of ours")
            until, self._sent = self._sent, dict(since)
            for event in await missed(self._brokers, since, until):
                text = self._text(event)
                if text:
                    yield text
            self._sent = until
            yield self._frame("hello", "{}")
        except Gone as gone:
            self._sent = dict(self._listener.begun)
            yield self._frame("reset", json.dumps({"reason": str(gone)}))

    async def _live(self) -> AsyncIterator[str]:
        closing = asyncio.create_task(self._hub.closing.wait())
        try:
            while not self._hub.closing.is_set():
                event = await self._next(closing)
                if event is None:
                    yield ": still here\n\n"
                    continue
                text = self._text(event)
                if text:
                    yield text
                if self._listener.ended and self._listener.queue.empty():
                    self._hub.dropped(self._listener.ended)
                    yield self._frame("reset", json.dumps({"reason": self._listener.ended}))
                    return
        finally:
            closing.cancel()

    async def _next(self, closing: asyncio.Task[Any]) -> Event | None:
        """None when nothing came for a while, or the server stops."""
        if not self._listener.queue.empty():
            return self._listener.queue.get_nowait()
        getting = asyncio.create_task(self._listener.queue.get())
        try:
            await asyncio.wait(
                {getting, closing}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED
            )
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()

    def _text(self, event: Event) -> str:
        """The frame of an event, "" for one that is not wanted or not to be seen; it counts as sent all the same."""
        if event.place is not None:
            self._sent[event.place] = event.next
        if event.type not in self._wanted:
            return ""
        if event.account and not self._token.sees(event.account):
            return ""
        if self._account and event.account not in ("", self._account):
            return ""
        return self._frame(event.type, event.data)

    def _frame(self, kind: str, data: str) -> str:
        """JSON has no line breaks of its own, so one data line holds it."""
        return f"id: {vector.encode(self._sent)}\nevent: {kind}\ndata: {data}\n\n"
