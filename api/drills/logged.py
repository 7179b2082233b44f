"""The history's rows as they come in operation: from topics, by the sink, which refills what a restore has lost."""

import asyncio

import psycopg

from sinks.run import Sink
from streams import log
from streams.feeds.publisher import publish
from streams.feeds.synthetic import SyntheticSource
from streams.meter import NoMeter
from streams.settings import embedded
from streams.topics import QUOTES, TRADES

PUBLISHED_S, STORED_S, LOOK_S = 1.5, 60.0, 0.1
SEED = 7
COUNTS = "SELECT (SELECT count(*) FROM trades), (SELECT count(*) FROM quotes)"


class Logged:
    """Rows of market data, on a log of their own."""

    def __init__(self, brokers: str, partitions: int) -> None:
        self._brokers = brokers
        self._partitions = partitions
        self._source = SyntheticSource(SEED)

    async def add(self, url: str) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(PUBLISHED_S, stop.set)
        await publish(self._source, self._brokers, partitions=self._partitions, stop=stop)
        missing = await self.refill(url)
        if missing:
            raise TimeoutError(missing)

    async def refill(self, url: str) -> str:
        """Run the sink until the database has every record of the log."""
        wanted = [len(await log.read_all(self._brokers, each.name)) for each in (TRADES, QUOTES)]
        settings = embedded(
            app="drill", brokers=self._brokers, partitions=self._partitions, postgres_url=url
        )
        ends = asyncio.Event()
        sink = asyncio.create_task(Sink(settings, NoMeter()).run(ends))
        try:
            async with asyncio.timeout(STORED_S):
                while (found := await _counts(url)) != wanted:  # noqa: ASYNC110  nothing to wait for
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            found = await _counts(url)
        finally:
            ends.set()
            await asyncio.wait([sink])
        return "" if found == wanted else f"{found} of {wanted} trades and quotes"


async def _counts(url: str) -> list[int]:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        row = await (await connection.execute(COUNTS)).fetchone()
    assert row is not None
    return list(row)
