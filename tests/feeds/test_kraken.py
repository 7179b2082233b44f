import asyncio
from contextlib import aclosing

import pytest
from websockets.exceptions import InvalidURI

from streams.feeds import reference
from streams.feeds.backoff import Backoff
from streams.feeds.kraken import SILENCE_S, KrakenSource
from streams.feeds.kraken_reference import UnknownPrecision, instruments_for
from streams.feeds.source import Event
from streams.messages import Quote, Trade
from tests.feeds import kraken_messages as messages
from tests.feeds.kraken_messages import HEARTBEAT, ONLINE, SUBSCRIBED, trade_row, trades
from tests.feeds.shared import market_data
from tests.feeds.venue import Step, Venue, venue

BTC = reference.SHIPPED["BTC/USD.KRAKEN"]
HELLO = (ONLINE, SUBSCRIBED, messages.ticker(kind="snapshot"))
DEADLINE_S = 10.0


def source_of(playing: Venue, silence_s: float = SILENCE_S) -> KrakenSource:
    backoff = Backoff(random=lambda: 0.5, first_s=0.02, cap_s=0.05)
    return KrakenSource((BTC,), url=playing.url, backoff=backoff, silence_s=silence_s)


async def take(source: KrakenSource, count: int) -> list[Event]:
    """The first `count` events."""
    events: list[Event] = []
    async with asyncio.timeout(DEADLINE_S), aclosing(source.events()) as batches:
        async for batch in batches:
            events += batch
            if len(events) >= count:
                break
    return events


def play(
    count: int, *scripts: tuple[Step, ...], silence_s: float = SILENCE_S
) -> tuple[list[Event], KrakenSource, Venue]:
    """The first `count` events of a source against a venue with these scripts."""

    async def run() -> tuple[list[Event], KrakenSource, Venue]:
        async with venue(*scripts) as playing:
            source = source_of(playing, silence_s)
            return await take(source, count), source, playing

    return asyncio.run(run())


def trade_ids(events: list[Event]) -> list[int]:
    return [event.trade_id for event in events if isinstance(event, Trade)]


def test_feed_subscribes_to_best_bid_and_ask_and_to_trades_without_a_key() -> None:
    events, source, playing = play(1, HELLO)
    ticker, trade = (request["params"] for request in playing.requests)
    assert ticker == {
        "channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo", "snapshot": True
    }  # fmt: skip
    assert trade == {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}
    assert events[0].source == source.name == "kraken"
    assert source.status.venue_state == "online"
    assert source.status.last_event_time == messages.TRADE_TIME_NS


def test_malformed_frames_in_between_neither_stop_nor_mark_the_feed() -> None:
    noise: tuple[Step, ...] = ("{", b"\x00\xff", "[]", messages.ticker("0.00001"), HEARTBEAT)
    script = (*HELLO, *noise, trades(trade_row(1)), *noise, trades(trade_row(2)))
    events, source, playing = play(3, script)
    assert trade_ids(events) == [1, 2]
    assert playing.connections == 1
    assert dict(source.status.quarantined) == {"NOT_JSON": 4, "NOT_AN_OBJECT": 2, "OFF_TICK": 2}
    assert source.status.counts["heartbeats"] == 2


def test_disconnect_is_followed_by_a_connection_that_fills_the_hole() -> None:
    first = (*HELLO, trades(trade_row(1)), None)
    second = (*HELLO, trades(trade_row(1), trade_row(2), kind="snapshot"), trades(trade_row(3)))
    events, source, playing = play(5, first, second)
    assert trade_ids(events) == [1, 2, 3]
    assert playing.connections == 2
    assert dict(source.status.reconnects) == {"closed": 1}
    assert (source.status.duplicates, source.status.gaps) == (0, 0)


def test_silence_is_written_as_stale_and_the_connection_made_anew() -> None:
    events, source, playing = play(3, HELLO, HELLO, silence_s=0.3)
    assert [event.flags for event in events if isinstance(event, Quote)] == ["", "stale", ""]
    assert playing.connections == 2
    assert source.status.reconnects["silence"] == 1


def test_heartbeats_keep_a_connection_without_data_alive() -> None:
    beats: list[Step] = [step for _ in range(12) for step in (HEARTBEAT, 0.1)]
    events, source, playing = play(2, (*HELLO, *beats), silence_s=0.3)
    assert [event.flags for event in events if isinstance(event, Quote)] == ["", "repeat"]
    assert playing.connections == 1
    assert not source.status.reconnects


def test_status_says_connected_only_while_the_venue_answers() -> None:
    async def run() -> list[bool]:
        seen = []
        async with venue((*HELLO, None), ()) as playing:
            source = source_of(playing, silence_s=0.3)
            seen.append(source.status.connected)
            async with asyncio.timeout(DEADLINE_S), aclosing(source.events()) as batches:
                async for batch in batches:
                    seen += [source.status.connected for event in batch if isinstance(event, Quote)]
                    if len(seen) == 3:
                        break
        return seen

    assert asyncio.run(run()) == [False, True, False]


def test_venue_that_refuses_connections_is_tried_again_with_growing_delays() -> None:
    delays: list[float] = []

    async def run() -> KrakenSource:
        async with venue(HELLO) as playing:
            url = playing.url  # free again after this block

        async def sleep(seconds: float) -> None:
            if seconds != 0.1:  # the watch's own step
                delays.append(seconds)
            await asyncio.sleep(0.001)

        source = KrakenSource(
            (BTC,), url=url, backoff=Backoff(random=lambda: 0.5, cap_s=3.0), sleep=sleep
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), aclosing(source.events()) as batches:
                await anext(batches)
        return source

    source = asyncio.run(run())
    assert delays[:4] == [0.375, 0.75, 1.5, 2.25]
    assert set(source.status.reconnects) == {"unreachable"}
    assert (
        "ConnectionRefusedError" in source.status.last_error
        or "OSError" in source.status.last_error
    )


def test_wrong_url_is_an_error_and_not_retried() -> None:
    with pytest.raises(InvalidURI):
        asyncio.run(take(KrakenSource((BTC,), url="https://localhost"), 1))


INSTRUMENTS = (
    '{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":['
    '{"symbol":"DOT/USD","price_increment":0.0001,"qty_increment":1e-8},'
    '{"symbol":"SHIB/USD","price_increment":1e-8,"qty_increment":1e-8}]}}'
)


def ask(*pairs: str) -> list[tuple[str, str, str]]:
    async def run() -> list[tuple[str, str, str]]:
        async with venue((ONLINE, HEARTBEAT, INSTRUMENTS), awaited=1) as playing:
            found = await instruments_for(list(pairs), url=playing.url, timeout_s=5)
        return [(item.symbol, item.tick, item.lot) for item in found]

    return asyncio.run(run())


def test_tick_and_lot_of_an_unshipped_pair_come_from_the_venue() -> None:
    assert ask("DOT/USD", "BTC/USD") == [
        ("DOT/USD.KRAKEN", "0.0001", "0.00000001"),
        ("BTC/USD.KRAKEN", "0.1", "0.00000001"),
    ]


def test_shipped_pairs_need_no_venue() -> None:
    (found,) = asyncio.run(instruments_for(["BTC/USD"], url="ws://nowhere.invalid"))
    assert found is BTC


@pytest.mark.parametrize(
    ("pair", "why"), [("NO/SUCH", "lists no pair"), ("SHIB/USD", "cannot be used")]
)
def test_pair_whose_precision_is_unknown_is_a_clear_error(pair: str, why: str) -> None:
    with pytest.raises(UnknownPrecision, match=why):
        ask(pair)


@pytest.mark.realdata
def test_captured_trade_stream_survives_disconnects_and_noise() -> None:
    instruments = (
        reference.spot("XMR/USD", "KRAKEN", "0.01", "0.00000001"),
        reference.spot("WAVES/EUR", "KRAKEN", "0.0001", "0.00000001"),
    )
    trade_ids_by_pair: dict[str, int] = {}
    captured = messages.capture(market_data() / "raw" / "cryptofeed_KRAKEN.ws.48.0")
    frames: list[Step] = [messages.as_v2(text, trade_ids_by_pair) for _, text in captured]
    cut = len(frames) // 2
    first: tuple[Step, ...] = (*frames[:cut], "noise", None)
    again = frames[cut - 12 : cut]  # the venue repeats some after the reconnect
    second: tuple[Step, ...] = (frames[0], *again, *frames[cut:])

    async def run() -> tuple[list[Event], KrakenSource]:
        async with venue(first, second) as playing:
            source = KrakenSource(
                instruments, url=playing.url, backoff=Backoff(random=lambda: 0.5, first_s=0.02)
            )
            return await take(source, trade_ids_by_pair["XMR/USD"]), source

    events, source = asyncio.run(run())
    assert trade_ids(events) == [1, 2, 3, 4]
    assert [event.price for event in events if isinstance(event, Trade)] == [
        35411, 35455, 35404, 35381
    ]  # fmt: skip
    assert source.status.reconnects["closed"] == 1
    assert source.status.counts["heartbeats"] >= 15
    assert source.status.quarantined["NOT_JSON"] == 1


@pytest.mark.realdata
def test_captured_ticker_stream_gives_quotes_that_are_never_crossed() -> None:
    instruments = (reference.spot("XMR/USD", "KRAKEN", "0.01", "0.00000001"),)
    captured = messages.capture(market_data() / "raw" / "cryptofeed_KRAKEN.ws.49.0")
    frames: list[Step] = [messages.as_v2(text, {}) for _, text in captured]
    expected = sum('"ticker","XMR/USD"' in text for _, text in captured)

    async def run() -> list[Event]:
        async with venue(tuple(frames)) as playing:
            return await take(KrakenSource(instruments, url=playing.url), expected)

    quotes = [event for event in asyncio.run(run()) if isinstance(event, Quote)]
    assert len(quotes) == expected > 2
    assert all(0 < quote.bid < quote.ask and quote.bid_size > 0 for quote in quotes)
