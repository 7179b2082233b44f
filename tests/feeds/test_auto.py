import asyncio
from collections.abc import Sequence

from streams.feeds import auto, kraken
from streams.feeds.kraken import KrakenSource
from streams.feeds.source import Source
from streams.feeds.synthetic import SyntheticSource
from tests.feeds import kraken_messages as messages
from tests.feeds.venue import Step, venue


def choose(script: Sequence[Step], timeout_s: float) -> tuple[Source, str]:
    async def run() -> tuple[Source, str]:
        async with venue(script) as playing:
            return await auto.choose(7, url=playing.url, timeout_s=timeout_s), playing.url

    return asyncio.run(run())


def test_kraken_that_sends_data_is_chosen() -> None:
    source, url = choose((messages.ONLINE, messages.ticker()), timeout_s=5)
    assert isinstance(source, KrakenSource)
    assert source.status.choice.startswith(f"kraken: {url} answered in 0.")


def test_kraken_that_sends_no_data_is_replaced_by_the_synthetic_market() -> None:
    source, url = choose((messages.ONLINE, messages.HEARTBEAT), timeout_s=0.3)
    assert isinstance(source, SyntheticSource)
    assert source.name == "synthetic:7"
    assert source.status.choice == (
        f"synthetic:7, because {url} gave no data within 0.3 s (it sent nothing)"
    )


def test_kraken_that_stays_silent_through_a_reconnect_is_replaced() -> None:
    source, _ = choose((), timeout_s=kraken.SILENCE_S + 0.4)
    assert isinstance(source, SyntheticSource)
    assert "neither data nor heartbeat" in source.status.choice


def test_kraken_that_cannot_be_reached_is_replaced_and_the_reason_is_said() -> None:
    async def run() -> Source:
        async with venue(()) as playing:
            url = playing.url
        return await auto.choose(7, url=url, timeout_s=0.3)

    source = asyncio.run(run())
    assert isinstance(source, SyntheticSource)
    assert "Error" in source.status.choice
