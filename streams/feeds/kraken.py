"""Kraken's public WebSocket v2 as a feed: trades and best bid and ask, without a key."""

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncGenerator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from streams.feeds import reference
from streams.feeds.backoff import Backoff
from streams.feeds.kraken_frames import FRAME_BYTES_MAX
from streams.feeds.kraken_session import SOURCE, KrakenSession
from streams.feeds.pacing import Sleep
from streams.feeds.source import SECOND_NS, Batch, Clock
from streams.feeds.status import FeedStatus
from streams.instruments import Instrument

log = logging.getLogger(__name__)

URL = "wss://ws.kraken.com/v2"
DEFAULT: tuple[Instrument, ...] = tuple(
    reference.SHIPPED[f"{pair}.KRAKEN"] for pair in ("BTC/USD", "ETH/USD", "SOL/USD")
)

SILENCE_S = 2.0
"""Kraken sends a heartbeat each second without traffic; after two without one nothing is known to be current."""

WATCH_S = 0.1
OPEN_TIMEOUT_S = 5.0
BATCHES_WAITING_MAX = 256
"""When the log does not take them, the socket is read no further and the venue's buffers fill."""


class KrakenSource:
    """Trades and quotes of `instruments`, reconnecting for ever.

    silence_s: without data or heartbeat for this long, each standing quote is written once with the flag `stale` and
    the connection is made anew. While the venue lives, a quote unchanged for a second is written again as `repeat`.
    Delays between connections grow by `backoff`. Raises InvalidURI for a bad `url`, nothing else of the network's.
    """

    def __init__(
        self,
        instruments: tuple[Instrument, ...] = DEFAULT,
        *,
        url: str = URL,
        silence_s: float = SILENCE_S,
        backoff: Backoff | None = None,
        wall: Clock = time.time_ns,
        monotonic: Clock = time.monotonic_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = SOURCE
        self.instruments = instruments
        self.status = FeedStatus(SOURCE, choice=f"kraken: {url}")
        self.oldest_time: int | None = None
        self._url = url
        self._silence = int(silence_s * SECOND_NS)
        self._backoff = backoff or Backoff(random.random)
        self._wall = wall
        self._monotonic = monotonic
        self._sleep = sleep
        self._session = KrakenSession(instruments, self.status, self._silence)

    async def events(self) -> AsyncGenerator[Batch, None]:
        """Batches as they arrive, without end."""
        waiting: asyncio.Queue[Batch] = asyncio.Queue(BATCHES_WAITING_MAX)
        workers = {
            asyncio.create_task(self._connect_for_ever(waiting)),
            asyncio.create_task(self._watch_for_ever(waiting)),
        }
        arrival = asyncio.create_task(waiting.get())
        try:
            while True:
                done, _ = await asyncio.wait(
                    {arrival, *workers}, return_when=asyncio.FIRST_COMPLETED
                )
                for worker in done & workers:
                    worker.result()  # they end only by an error
                batch = arrival.result()
                arrival = asyncio.create_task(waiting.get())
                yield batch
        finally:
            self.status.connected = False
            for task in (arrival, *workers):
                task.cancel()
            await asyncio.wait({arrival, *workers})

    async def _connect_for_ever(self, waiting: asyncio.Queue[Batch]) -> None:
        while True:
            reason = await self._connection(waiting)
            self.status.connected = False
            self.status.reconnects[reason] += 1
            self._session.lose_connection()
            delay = self._backoff.next()
            log.warning("kraken: %s, connecting again in %.1f s", reason, delay)
            await self._sleep(delay)

    async def _connection(self, waiting: asyncio.Queue[Batch]) -> str:
        """One connection from opening to its end; returns why it ended."""
        try:
            async with connect(
                self._url, open_timeout=OPEN_TIMEOUT_S, max_size=FRAME_BYTES_MAX, close_timeout=1.0
            ) as socket:
                await self._subscribe(socket)
                return await self._read(socket, waiting)
        except ConnectionClosed as error:
            self.status.last_error = str(error)
            return "closed"
        except InvalidURI:
            raise
        except (OSError, WebSocketException) as error:  # a time-out of opening is an OSError
            self.status.last_error = f"{type(error).__name__}: {error}"
            return "unreachable"

    async def _subscribe(self, socket: ClientConnection) -> None:
        pairs = [f"{item.base}/{item.quote}" for item in self.instruments]
        ticker = {"channel": "ticker", "symbol": pairs, "event_trigger": "bbo", "snapshot": True}
        trade = {"channel": "trade", "symbol": pairs, "snapshot": True}
        for number, parameters in enumerate((ticker, trade), start=1):
            request = {"method": "subscribe", "params": parameters, "req_id": number}
            await socket.send(json.dumps(request))

    async def _read(self, socket: ClientConnection, waiting: asyncio.Queue[Batch]) -> str:
        opened = self._monotonic()
        while True:
            quiet = self._monotonic() - max(opened, self._session.heard)
            try:
                async with asyncio.timeout((self._silence - quiet) / SECOND_NS):
                    frame = await socket.recv()
            except TimeoutError:
                self.status.last_error = "neither data nor heartbeat"
                if batch := self._session.fall_silent(self._wall(), self._monotonic()):
                    await waiting.put(batch)
                return "silence"
            now = self._monotonic()
            batch = self._session.hear(frame, self._wall(), now)
            if self._session.heard == now:
                self.status.connected = True
                self._backoff.reset()
            if batch:
                await waiting.put(batch)

    async def _watch_for_ever(self, waiting: asyncio.Queue[Batch]) -> None:
        while True:
            await self._sleep(WATCH_S)
            if batch := self._session.watch(self._wall(), self._monotonic()):
                await waiting.put(batch)
