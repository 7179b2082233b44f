"""Marks and vectors from quotes and trades: statuses, conflation, refusals, provenance."""

import json
import random
from dataclasses import asdict
from typing import Any

import msgspec
import pytest

from agents import market_state
from models.features import READY_ALL, READY_NOW, SET_HASH
from streams import topics
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import Mark, Quote, Trade
from streams.predictions import Features
from tests.market import drive
from tests.market.drive import MS, START, SYMBOL

QUOTE: dict[str, Any] = {"bid": 100, "ask": 102, "bid_size": 7, "ask_size": 9, "flags": ""}


def quote(ms: int, **changed: Any) -> Quote:
    time = START + ms * MS
    fields = {"symbol": SYMBOL} | QUOTE | changed
    return Quote(**fields, time=time, received=time + 5, sequence=ms, source="test")


def trade(ms: int, price: int = 101, size: int = 3) -> Trade:
    time = START + ms * MS
    return Trade(SYMBOL, price, size, time, time + 5, ms, "test", "buy")


@pytest.fixture
def tables() -> drive.Tables:
    return drive.Tables(drive.instrument(SYMBOL))


def marks(tables: drive.Tables, *ticks: Quote | Trade) -> list[Mark]:
    return drive.of(topics.MARKS, drive.ticks(tables, ticks))


def vectors(tables: drive.Tables, *ticks: Quote | Trade) -> list[Features]:
    return drive.of(topics.FEATURES, drive.ticks(tables, ticks))


def test_first_quote_gives_a_mark_with_its_cause(tables: drive.Tables) -> None:
    assert marks(tables, quote(30)) == [
        Mark(
            symbol=SYMBOL,
            bid=100,
            ask=102,
            bid_size=7,
            ask_size=9,
            last=0,
            mid2=202,
            status="live",
            time=START + 30 * MS,
            received=START + 30 * MS + 5,
            source="test",
            cause=Ref("market.quotes", 0, 0),
        )
    ]


def test_marks_are_conflated_to_ten_a_second(tables: drive.Tables) -> None:
    written = marks(tables, *[quote(ms, bid=100_000 + ms % 50, ask=100_060) for ms in range(1_000)])
    assert [mark.time for mark in written] == [START + ms * MS for ms in range(0, 1_000, 100)]


def test_change_of_status_is_marked_at_once(tables: drive.Tables) -> None:
    written = marks(
        tables,
        quote(0),
        quote(1, bid=103),
        quote(2, bid=104),
        quote(3),
        quote(4, ask=0, ask_size=0),
        quote(5, flags="stale", bid=0, ask=0, bid_size=0, ask_size=0),
        quote(6, flags="repeat"),
    )
    statuses = [mark.status for mark in written]
    assert statuses == ["live", "crossed", "live", "one_sided", "stale", "live"]
    assert [(mark.time - START) // MS for mark in written] == [0, 1, 3, 4, 5, 6]


def test_stale_keeps_the_last_book(tables: drive.Tables) -> None:
    written = marks(tables, quote(0), quote(1, flags="stale", bid=0, ask=0, bid_size=0, ask_size=0))
    assert (written[1].bid, written[1].ask, written[1].mid2) == (100, 102, 202)


def test_mark_without_a_valid_book_is_the_last_trade(tables: drive.Tables) -> None:
    written = marks(tables, trade(0, price=99), quote(1, bid=103), quote(101, ask=0, ask_size=0))
    assert [mark.mid2 for mark in written] == [198, 198, 198]


def test_repeat_refreshes_the_mark_and_is_no_quote_for_the_features(tables: drive.Tables) -> None:
    drive.ticks(tables, [quote(0), quote(10)])
    state = tables.market["BTCUSDT.BINANCE_SPOT"]
    before = asdict(state.micro)
    outputs = drive.ticks(tables, [quote(150, flags="repeat")])
    assert [output.topic for output in outputs] == [topics.MARKS]
    changed = {name for name, value in asdict(state.micro).items() if before[name] != value}
    assert changed == {"clock", "slot", "wake", "quoted", "ring_1s", "depth", "books"}
    assert state.quote_offset == 1


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        (quote(0, symbol="NONE.NOWHERE"), "UNKNOWN_SYMBOL"),
        (quote(0, bid=-1), "PRICE_NOT_POSITIVE"),
        (quote(0, ask=0), "PRICE_NOT_POSITIVE"),
        (quote(0, bid_size=-1), "SIZE_NOT_POSITIVE"),
        (trade(0, price=0), "PRICE_NOT_POSITIVE"),
        (trade(0, size=0), "SIZE_NOT_POSITIVE"),
    ],
)
@pytest.mark.parametrize("known_before", [False, True])
def test_impossible_tick_is_refused_and_changes_nothing(
    tables: drive.Tables, tick: Quote | Trade, reason: str, known_before: bool
) -> None:
    if known_before:
        drive.ticks(tables, [quote(0), trade(1)])
    before = {symbol: asdict(state) for symbol, state in tables.market.items()}
    with pytest.raises(Undecodable, match=reason):
        drive.ticks(tables, [tick])
    assert {symbol: asdict(state) for symbol, state in tables.market.items()} == before


def test_late_ticks_are_applied_at_the_clock_or_skipped(tables: drive.Tables) -> None:
    drive.ticks(tables, [quote(2_000), quote(1_500, bid=101), quote(999, bid=95), trade(999)])
    state = tables.market[SYMBOL]
    assert (state.micro.clock, state.micro.bid, state.price.bid) == (START + 2_000 * MS, 101, 101)
    assert (state.micro.late, state.price.last) == (2, 0)


def test_vector_comes_with_the_first_event_at_or_past_its_time(tables: drive.Tables) -> None:
    ticks: list[Quote | Trade] = [
        quote(30),
        quote(99),
        trade(130),
        quote(140),
        quote(199),
        quote(200),
        trade(510),
    ]
    written = vectors(tables, *ticks)
    assert [(each.time - START) // MS for each in written] == [30, 130, 200, 510]
    assert [each.gap_ms for each in written] == [0, 100, 70, 310]
    assert [each.sequence for each in written] == [1, 2, 3, 4]


def test_vector_names_its_set_its_book_and_its_causes(tables: drive.Tables) -> None:
    first, second = vectors(tables, quote(0), trade(10), quote(20, bid=101), quote(100))
    assert (first.set, first.set_hash, first.ready) == ("micro", SET_HASH, READY_NOW)
    assert (first.bid, first.ask, first.mid2, len(first.vector)) == (100, 102, 202, 160)
    assert (first.quote_ref, first.trade_ref) == (Ref("market.quotes", 0, 0), None)
    assert second.quote_ref == Ref("market.quotes", 0, 3)
    assert second.trade_ref == Ref("market.trades", 0, 1)


def test_vector_says_between_which_mids_the_price_was_since_the_one_before(
    tables: drive.Tables,
) -> None:
    written = vectors(
        tables,
        quote(0),
        quote(10, bid=101, ask=105),
        quote(20, bid=98, ask=99),
        quote(30),
        quote(100, ask=103),
        quote(150),
        trade(200),
    )
    spans = [(each.mid2_min, each.mid2, each.mid2_max) for each in written]
    assert spans == [(202, 202, 202), (197, 203, 206), (202, 202, 203)]


def test_instrument_sets_the_buckets_of_vpin_from_an_event_time_on(tables: drive.Tables) -> None:
    set_at = {"vpin_bucket": 4, "vpin_from": START + 150 * MS}
    tables.instruments.put(SYMBOL, drive.instrument(SYMBOL).model_copy(update=set_at))
    drive.ticks(tables, [quote(0), trade(149, size=9)])
    assert tables.market[SYMBOL].micro.vpin.imbalances == ()
    drive.ticks(tables, [trade(150, size=9)])
    assert tables.market[SYMBOL].micro.vpin.imbalances == (4, 4)
    later = {"vpin_bucket": 5, "vpin_from": START + 10 * MS}
    tables.instruments.put(SYMBOL, drive.instrument(SYMBOL).model_copy(update=later))
    drive.ticks(tables, [trade(160), quote(300), quote(349), trade(350, size=7)])
    assert tables.market[SYMBOL].micro.vpin.imbalances == (5,)


def test_no_vector_while_a_side_is_empty_or_the_book_is_crossed(tables: drive.Tables) -> None:
    drive.ticks(tables, [quote(0)])
    assert not vectors(tables, quote(100, bid=103), quote(200, ask=0, ask_size=0), trade(300))
    back = vectors(tables, quote(310))
    assert [each.gap_ms for each in back] == [310]
    counted = tables.market[SYMBOL].micro
    assert (counted.crossed, counted.one_sided) == (1, 1)


def test_quote_without_sizes_gives_a_live_mark_and_no_vector(tables: drive.Tables) -> None:
    outputs = drive.ticks(tables, [quote(0, bid_size=0, ask_size=0), quote(10), quote(20)])
    assert [mark.status for mark in drive.of(topics.MARKS, outputs)] == ["live"]
    assert [each.time for each in drive.of(topics.FEATURES, outputs)] == [START + 10 * MS]


@pytest.mark.parametrize("size", [1, 7, 1_000, None])
def test_outputs_and_state_do_not_depend_on_chunks(size: int | None) -> None:
    """None: chunks of random size. Half of each is thrown away before it is run, and the tables are restored after."""
    ticks = [
        trade(97 * n, 100 + n % 3) if n % 4 == 3 else quote(97 * n, bid=95 + n % 7, ask_size=1 + n)
        for n in range(900)
    ]
    known = drive.instrument(SYMBOL).model_copy(update={"vpin_bucket": 8})
    whole, draw = drive.Tables(known), random.Random(3)
    expected = drive.ticks(whole, ticks)
    assert expected[-1].message.ready == READY_ALL
    parts, outputs, first = drive.Tables(known), [], 0
    while first < len(ticks):
        chunk = ticks[first : first + (size or draw.randrange(1, 200))]
        drive.ticks(parts, chunk[: len(chunk) // 2], first)
        parts.discard()
        outputs += drive.ticks(parts, chunk, first)
        restored = drive.Tables(known)
        restored.restore(parts.commit())
        parts, first = restored, first + len(chunk)
    assert outputs == expected
    assert parts.market[SYMBOL] == whole.market[SYMBOL]


def test_row_of_the_first_feature_set_keeps_its_book_and_starts_its_windows_anew(
    tables: drive.Tables,
) -> None:
    drive.ticks(tables, [quote(0), trade(10)])
    ((key, row),) = [change for change in tables.commit() if change[0].startswith(b"market|")]
    assert row is not None
    old = json.loads(row[1:])
    old["micro"] = {"clock": START + 10 * MS, "sequence": 7, "ofi_ring": [0] * 20, "since": START}
    restored = drive.Tables(drive.instrument(SYMBOL))
    restored.restore([(key, b"\x01" + json.dumps(old).encode())])
    state = restored.market[SYMBOL]
    assert state.price == tables.market[SYMBOL].price
    assert (state.quote_offset, state.trade_offset) == (0, 1)
    first = vectors(restored, quote(100))[0]
    assert (first.sequence, first.ready) == (8, READY_NOW)


def test_what_made_no_feature_is_counted_once_a_chunk(tables: drive.Tables) -> None:
    drive.ticks(tables, [quote(2_000), quote(2_001, bid=103), quote(999)])
    assert market_state.skipped(tables) == {
        ("features_skipped_total", ("crossed",)): 1,
        ("features_skipped_total", ("late",)): 1,
    }
    tables.commit()
    no_side = msgspec.structs.replace(trade(2_100), side="")
    drive.ticks(tables, [quote(2_050, ask=0, ask_size=0), trade(900), no_side])
    assert market_state.skipped(tables) == {
        ("features_skipped_total", ("late",)): 1,
        ("features_skipped_total", ("one_sided",)): 1,
        ("trades_side_inferred_total", ()): 1,
    }
    tables.commit()
    drive.ticks(tables, [quote(2_200)])
    assert market_state.skipped(tables) == {}
