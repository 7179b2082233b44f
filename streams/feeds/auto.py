"""Chooses the feed: Kraken where it answers, else the synthetic market, and says which."""

import asyncio
import logging
import time
from contextlib import aclosing

from streams.feeds import kraken, reference
from streams.feeds.kraken import KrakenSource
from streams.feeds.source import SECOND_NS, Source
from streams.feeds.synthetic import SyntheticSource
from streams.instruments import Instrument

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0


async def choose(
    seed: int,
    *,
    url: str = kraken.URL,
    instruments: tuple[Instrument, ...] = kraken.DEFAULT,
    simulated: tuple[Instrument, ...] = reference.SIMULATED,
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> Source:
    """Kraken's feed if the first data come within `timeout_s`, else the synthetic one; `status.choice` says why."""
    probe = KrakenSource(instruments, url=url)
    started = time.monotonic_ns()
    try:
        async with asyncio.timeout(timeout_s):
            await _first_batch(probe)
    except TimeoutError:
        why = probe.status.last_error or "it sent nothing"
        source: Source = SyntheticSource(seed, instruments=simulated)
        source.status.choice = (
            f"{source.name}, because {url} gave no data within {timeout_s:g} s ({why})"
        )
    else:
        took = (time.monotonic_ns() - started) / SECOND_NS
        source = KrakenSource(instruments, url=url)
        source.status.choice = f"kraken: {url} answered in {took:.1f} s"
    log.info("feed: %s", source.status.choice)
    return source


async def _first_batch(probe: KrakenSource) -> None:
    async with aclosing(probe.events()) as batches:
        async for _ in batches:
            return
