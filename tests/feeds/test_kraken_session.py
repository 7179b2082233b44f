import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.feeds import kraken_frames, reference
from streams.feeds.kraken_session import KrakenSession
from streams.feeds.source import SECOND_NS, Batch
from streams.feeds.status import FeedStatus
from streams.messages import Quote, Trade
from tests.feeds import kraken_messages as messages
from tests.feeds.shared import market_data

BTC, ETH = reference.SHIPPED["BTC/USD.KRAKEN"], reference.SHIPPED["ETH/USD.KRAKEN"]
RECEIVED = messages.TRADE_TIME_NS - 1_100_000_000
"""As in real captures, the receive clock is behind the venue's."""


class Listener:
    """A session under a clock that the test turns."""

    def __init__(self) -> None:
        self.status = FeedStatus("kraken")
        self.session = KrakenSession((BTC, ETH), self.status, 2 * SECOND_NS)
        self.passed = 0

    def hear(self, *frames: str | bytes) -> Batch:
        return [
            event
            for frame in frames
            for event in self.session.hear(frame, RECEIVED + self.passed, self.passed)
        ]

    def wait(self, seconds: float) -> Batch:
        """What falls due while time passes in tenths of a second."""
        events: Batch = []
        for _ in range(round(seconds * 10)):
            self.passed += SECOND_NS // 10
            events += self.session.watch(RECEIVED + self.passed, self.passed)
        return events

    def wait_with_heartbeats(self, seconds: int) -> Batch:
        events: Batch = []
        for _ in range(seconds):
            events += self.hear(messages.HEARTBEAT) + self.wait(1)
        return events


@pytest.fixture
def listener() -> Listener:
    return Listener()


def flags(events: Iterable[object]) -> list[str]:
    return [event.flags for event in events if isinstance(event, Quote)]


def test_ticker_becomes_a_quote_in_exact_ticks_and_lots(listener: Listener) -> None:
    (quote,) = listener.hear(messages.ticker("64000.10", "64000.20", bid_qty="0.00000001"))
    assert quote == Quote(
        symbol="BTC/USD.KRAKEN",
        bid=640_001,
        ask=640_002,
        bid_size=1,
        ask_size=125_000_000,
        time=messages.TRADE_TIME_NS,
        received=RECEIVED,
        sequence=RECEIVED,
        source="kraken",
    )


def test_trades_keep_the_venue_s_ids_sides_and_times(listener: Listener) -> None:
    frame = messages.trades(messages.trade_row(7), messages.trade_row(8, side="sell", qty="2"))
    first, second = listener.hear(frame)
    assert first == Trade(
        symbol="BTC/USD.KRAKEN",
        price=640_002,
        size=100_000,
        time=messages.TRADE_TIME_NS,
        received=RECEIVED,
        trade_id=7,
        source="kraken",
        side="buy",
    )
    assert isinstance(second, Trade)
    assert (second.trade_id, second.side, second.size) == (8, "sell", 200_000_000)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("5e-8", "0.00000005"),
        ("1.25E+3", "1250.0"),
        ("12.5e-1", "1.25"),
        ("1e0", "1.0"),
        ("7", "7"),
        ("7.50", "7.50"),
    ],
)
def test_number_with_exponent_is_written_out_digit_by_digit(number: str, expected: str) -> None:
    assert kraken_frames.plain(number) == expected


def test_number_with_a_huge_exponent_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="out of range"):
        kraken_frames.plain("1e99")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("", "NOT_JSON"),
        ("{", "NOT_JSON"),
        (b"\xff\xfe", "NOT_JSON"),
        ('{"channel":"ticker","data":[{"symbol":"BTC/USD","bid":NaN}]}', "NOT_JSON"),
        ("[" * 100_000, "NOT_JSON"),
        ("[1,2]", "NOT_AN_OBJECT"),
        ('{"a":"' + "x" * kraken_frames.FRAME_BYTES_MAX + '"}', "TOO_LARGE"),
        ('{"channel":"ticker"}', "BAD_FIELD"),
        ('{"channel":"ticker","data":[1]}', "BAD_FIELD"),
        ('{"channel":["ticker"],"data":[]}', "UNKNOWN_CHANNEL"),
        ('{"channel":"ohlc","data":[]}', "UNKNOWN_CHANNEL"),
        ('{"error":"?"}', "UNKNOWN_MESSAGE"),
        (messages.ticker(symbol="XBT/USD"), "UNKNOWN_SYMBOL"),
        (messages.ticker("64000.15"), "OFF_TICK"),
        (messages.ticker("1e999"), "BAD_FIELD"),
        (messages.ticker("null"), "BAD_FIELD"),
        (messages.ticker("true"), "BAD_FIELD"),
        (messages.ticker("-64000.1"), "PRICE_NOT_POSITIVE"),
        (messages.ticker("0"), "PRICE_NOT_POSITIVE"),
        (messages.ticker(bid_qty="-1"), "SIZE_NOT_POSITIVE"),
        (messages.ticker(timestamp="yesterday"), "BAD_FIELD"),
        (messages.ticker(timestamp="2026-13-01T00:00:00Z"), "BAD_FIELD"),
        (messages.ticker(timestamp="2026-03-02T10:00:10Z"), "TIME_IN_FUTURE"),
        (messages.trades(messages.trade_row(1, qty="0")), "SIZE_NOT_POSITIVE"),
        (messages.trades(messages.trade_row(1, qty="0.000000001")), "OFF_LOT"),
        (messages.trades(messages.trade_row(1, side="short")), "BAD_FIELD"),
        (messages.trades(messages.trade_row("1.5")), "BAD_FIELD"),
        (messages.trades(messages.trade_row("9" * 5000)), "BAD_FIELD"),
    ],
)
def test_bad_frame_is_counted_and_kept_out(
    listener: Listener, frame: str | bytes, reason: str
) -> None:
    assert listener.hear(frame) == []
    assert dict(listener.status.quarantined) == {reason: 1}


def test_bad_row_does_not_take_its_neighbours_along(listener: Listener) -> None:
    rows = [messages.trade_row(1), messages.trade_row(2, price="0.05"), messages.trade_row(3)]
    heard = listener.hear(messages.trades(*rows))
    assert [event.trade_id for event in heard if isinstance(event, Trade)] == [1, 3]
    assert dict(listener.status.quarantined) == {"OFF_TICK": 1}


GOOD_FRAMES = [
    messages.ticker(),
    messages.trades(messages.trade_row(1), messages.trade_row(2)),
    messages.ONLINE,
    messages.SUBSCRIBED,
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["channel", "data", "method", "symbol", "bid"]), children)
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(GOOD_FRAMES), st.integers(0, 200), st.text(max_size=3))
def test_damaged_frame_never_raises(frame: str, place: int, damage: str) -> None:
    Listener().hear(frame[:place] + damage + frame[place + len(damage) :])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["ticker", "trade", "status", "heartbeat", "x", None]), JSON_VALUES)
def test_frame_of_any_json_never_raises(channel: str | None, data: object) -> None:
    Listener().hear(json.dumps({"channel": channel, "data": data}))
    Listener().hear(json.dumps({"channel": channel, "data": [data]}))
    Listener().hear(json.dumps(data))


def test_quiet_book_is_written_again_each_second_while_heartbeats_come(listener: Listener) -> None:
    (quote,) = listener.hear(messages.ticker())
    assert isinstance(quote, Quote)
    repeats = listener.wait_with_heartbeats(3)
    assert flags(repeats) == ["repeat"] * 3
    assert [event.time - quote.time for event in repeats] == [
        SECOND_NS,
        2 * SECOND_NS,
        3 * SECOND_NS,
    ]
    assert [event.received - event.time for event in repeats] == [RECEIVED - quote.time] * 3
    numbers = [event.sequence for event in [quote, *repeats] if isinstance(event, Quote)]
    assert numbers == sorted(set(numbers))


def test_changed_book_is_not_repeated_within_its_second(listener: Listener) -> None:
    listener.hear(messages.ticker())
    assert listener.wait(0.9) == []
    listener.hear(messages.ticker("64000.0"))
    assert listener.wait(0.9) == []
    assert flags(listener.wait(0.1)) == ["repeat"]


def test_silence_makes_each_symbol_stale_once(listener: Listener) -> None:
    listener.hear(
        messages.ticker(), messages.ticker(symbol="ETH/USD", bid="3000.01", ask="3000.02")
    )
    assert sorted(flags(listener.wait(10))) == ["repeat", "repeat", "stale", "stale"]


def test_new_ticker_ends_staleness(listener: Listener) -> None:
    listener.hear(messages.ticker())
    listener.wait(5)
    assert flags(listener.hear(messages.ticker())) == [""]
    assert flags(listener.wait_with_heartbeats(1)) == ["repeat"]


def test_heartbeat_alone_does_not_revive_a_stale_quote(listener: Listener) -> None:
    listener.hear(messages.ticker())
    listener.wait(5)
    assert listener.wait_with_heartbeats(3) == []


def test_garbage_is_no_sign_of_life(listener: Listener) -> None:
    listener.hear(messages.ticker())
    seen: Batch = []
    for _ in range(3):
        listener.hear("garbage", messages.SUBSCRIBED)
        seen += listener.wait(1)
    assert flags(seen) == ["repeat", "stale"]


def test_maintenance_makes_quotes_stale_though_heartbeats_come(listener: Listener) -> None:
    listener.hear(messages.ONLINE, messages.ticker(), messages.MAINTENANCE)
    assert flags(listener.wait_with_heartbeats(3)) == ["stale"]
    assert listener.status.venue_state == "maintenance"
    listener.hear(messages.ONLINE, messages.ticker())
    assert flags(listener.wait_with_heartbeats(1)) == ["repeat"]


def test_quote_of_a_lost_connection_is_not_repeated_and_turns_stale(listener: Listener) -> None:
    listener.hear(messages.ticker())
    listener.session.lose_connection()
    assert listener.wait_with_heartbeats(1) == []
    assert flags(listener.wait_with_heartbeats(3)) == ["stale"]


def test_first_snapshot_of_trades_is_history(listener: Listener) -> None:
    snapshot = messages.trades(*map(messages.trade_row, (5, 7, 6)), kind="snapshot")
    assert listener.hear(snapshot) == []
    (event,) = listener.hear(messages.trades(messages.trade_row(8)))
    assert isinstance(event, Trade) and event.trade_id == 8
    assert (listener.status.gaps, listener.status.duplicates) == (0, 0)


def test_snapshot_after_a_reconnect_fills_the_hole_without_doubling(listener: Listener) -> None:
    listener.hear(messages.trades(messages.trade_row(8)))
    snapshot = messages.trades(*map(messages.trade_row, (10, 9, 8, 7)), kind="snapshot")
    heard = listener.hear(snapshot)
    assert [event.trade_id for event in heard if isinstance(event, Trade)] == [9, 10]
    assert (listener.status.gaps, listener.status.duplicates) == (0, 0)


def test_hole_in_the_trade_ids_is_counted_with_its_size(listener: Listener) -> None:
    heard = listener.hear(*(messages.trades(messages.trade_row(number)) for number in (1, 2, 6, 7)))
    assert len(heard) == 4
    assert (listener.status.gaps, listener.status.missing) == (1, 3)


def test_trade_that_comes_twice_is_written_once(listener: Listener) -> None:
    frame = messages.trades(messages.trade_row(1))
    assert len(listener.hear(frame, frame)) == 1
    assert listener.status.duplicates == 1


def test_ticker_without_time_puts_the_symbol_s_trades_on_the_receive_clock_too(
    listener: Listener,
) -> None:
    (quote,) = listener.hear(messages.ticker(timestamp=None))
    (trade,) = listener.hear(messages.trades(messages.trade_row(1)))
    assert quote.time == trade.time == RECEIVED
    ethereum = messages.trade_row(1, symbol="ETH/USD", price="3000.01")
    (other,) = listener.hear(messages.trades(ethereum))
    assert other.time == messages.TRADE_TIME_NS


def test_side_without_size_is_absent(listener: Listener) -> None:
    (quote,) = listener.hear(messages.ticker(bid="0", bid_qty="0"))
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_size, quote.ask) == (0, 0, 640_002)


def test_refused_subscription_is_visible(listener: Listener) -> None:
    listener.hear(messages.REFUSED)
    assert "Currency pair not supported" in listener.status.last_error
    assert listener.status.counts["refused"] == 1


@pytest.mark.realdata
def test_single_messages_of_the_venue_are_understood(listener: Listener) -> None:
    folder = market_data() / "raw" / "kraken_v2_messages"
    names = ("ws_subscribe_response", "ws_pong", "ws_ticker_snapshot", "ws_trade_update")
    heard = listener.hear(*((folder / f"{name}.json").read_text() for name in names))
    quote, first, second = heard
    assert isinstance(quote, Quote) and isinstance(first, Trade) and isinstance(second, Trade)
    assert (quote.bid, quote.ask, quote.bid_size) == (1_059_442, 1_059_443, 250_000_000)
    assert (first.price, first.size, first.side) == (1_059_442, 27_625, "buy")
    assert (second.price, second.size, second.trade_id) == (1_059_105, 12_460, 10_218_209)
    assert not listener.status.quarantined


@pytest.mark.realdata
def test_every_other_message_of_the_venue_is_kept_out_by_name(listener: Listener) -> None:
    others = sorted((market_data() / "raw" / "kraken_v2_messages").glob("*.json"))
    assert len(others) > 30
    for path in others:
        listener.hear(path.read_text())
    assert set(listener.status.quarantined) <= {"UNKNOWN_CHANNEL", "UNKNOWN_MESSAGE"}
