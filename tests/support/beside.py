"""Work in a thread beside a test: loads, watchers and feeds that go on while the test does something else."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from streams.feeds.publisher import publish
from streams.feeds.source import Source


@contextmanager
def beside(work: Callable[[Event], object]) -> Iterator[None]:
    """`work` runs while the body does, is told by the event when that is over, and is waited for; raises its error."""
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work, over)
        try:
            yield
        finally:
            over.set()
            working.result()


@contextmanager
def market(source: Source, brokers: str, partitions: int) -> Iterator[None]:
    """A feed publishes while the body runs."""

    async def feed(over: Event) -> None:
        stop = asyncio.Event()
        publishing = asyncio.create_task(publish(source, brokers, partitions=partitions, stop=stop))
        await asyncio.to_thread(over.wait)
        stop.set()
        await publishing

    with beside(lambda over: asyncio.run(feed(over))):
        yield
