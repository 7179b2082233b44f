"""A server on loopback that tells a past as Kraken and CoinGecko do, for demos and tests, which may break it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from api.demo.past import SECOND, Past, chart
from streams.ports import LOOPBACK

PAGE_TRADES = 1000
BARS_TOLD = 720
HEAD_BYTES_MAX = 1 << 16

Parameters = dict[str, str]
Answer = Callable[["Venue", asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Venue:
    """now: ns, until when Kraken knows bars; None: to the end of its past. page_trades: of one page.

    faults: what happens to a request in place of an answer, by the number of the request.
    """

    past: Past
    now: int | None = None
    page_trades: int = PAGE_TRADES
    faults: dict[int, Answer] = field(default_factory=dict)
    requests: list[tuple[str, Parameters]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        target = urlsplit(head.split(b" ")[1].decode())
        parameters = {name: values[0] for name, values in parse_qs(target.query).items()}
        number = len(self.requests)
        self.requests.append((target.path, parameters))
        body = self.body(target.path, parameters)
        await self.faults.get(number, plainly)(self, writer, body)

    def body(self, path: str, parameters: Parameters) -> bytes:
        """What a healthy server answers."""
        if path.endswith("/Trades"):
            return self.trades(int(parameters["since"]))
        if path.endswith("/OHLC"):
            return self.bars(int(parameters["interval"]) * 60 * SECOND)
        return self.chart(int(parameters["from"]), int(parameters["to"]))

    def trades(self, since: int) -> bytes:
        """A page of trades after a cursor, and the next cursor: the time of its last one."""
        later = [
            (trade.time, row)
            for trade, row in zip(self.past.trades, self._trade_rows, strict=True)
            if trade.time > since
        ][: self.page_trades]
        last = later[-1][0] if later else since
        return result("XXBTZUSD", [row for _, row in later], str(last), quoted=True)

    def bars(self, span: int) -> bytes:
        """The newest bars, whatever is asked for; the last one moves from request to request."""
        now = self.past.until if self.now is None else self.now
        rows = [row for row in self.past.bar_rows(span) if json.loads(row)[0] * SECOND <= now]
        moving = json.loads(rows[-1])
        moving[4] = moving[2] = str(float(moving[2]) + len(self.requests))
        rows = [*rows[:-1], json.dumps(moving)][-BARS_TOLD:]
        return result("XXBTZUSD", rows, str(json.loads(rows[-2])[0]), quoted=False)

    def chart(self, since: int, until: int) -> bytes:
        """The points in [since, until], seconds."""
        points = [p for p in self.past.points() if since <= p[0] // 1000 <= until]
        return json.dumps(chart(points)).encode()

    def __post_init__(self) -> None:
        self._trade_rows = self.past.trade_rows()


def result(pair: str, rows: list[str], last: str, *, quoted: bool) -> bytes:
    """Kraken's envelope."""
    cursor = f'"{last}"' if quoted else last
    return f'{{"error":[],"result":{{"{pair}":[{",".join(rows)}],"last":{cursor}}}}}'.encode()


async def plainly(_venue: Venue, writer: asyncio.StreamWriter, body: bytes) -> None:
    """A healthy answer."""
    await answer(writer, 200, body)


async def answer(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "", length: int = -1
) -> None:
    """Write an answer. length: what the head says, where it is not the body's."""
    size = len(body) if length < 0 else length
    head = f"HTTP/1.1 {status} -\r\ncontent-length: {size}\r\nconnection: close\r\n{headers}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


@asynccontextmanager
async def listening(venue: Venue) -> AsyncIterator[Venue]:
    """The server on a free port, until the end of the block; hanging requests end with it."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(venue.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(connected, LOOPBACK, 0, limit=HEAD_BYTES_MAX) as server:
        port = server.sockets[0].getsockname()[1]
        venue.url = f"http://{LOOPBACK}:{port}"
        try:
            yield venue
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
