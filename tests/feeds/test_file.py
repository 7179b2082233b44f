import asyncio
import csv
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds import reference
from streams.feeds.file import BATCH_EVENTS_MAX, FileSource
from streams.feeds.file_rows import Rejected, Stamp, quote_reader, trade_reader
from streams.feeds.file_tables import FeedFileError
from streams.feeds.source import SECOND_NS, Batch, Event
from streams.messages import Quote, Trade
from tests.feeds.shared import market_data

SPOT, PERPETUAL = "BTCUSDT.BINANCE_SPOT", "BTCUSDT.BINANCE_USDM"
FIRST = 1_723_161_254_000_000_000
SKEW_MS = 1_200
NOW = 1_900_000_000 * SECOND_NS

TRADE: dict[str, Any] = {
    "ts_ns": FIRST,
    "exch_ts_ms": FIRST // 10**6 + SKEW_MS,
    "symbol": PERPETUAL,
    "price": 61800.3,
    "size": 0.006,
    "side": "buy",
    "trade_id": 1,
}
QUOTE: dict[str, Any] = {
    "ts_ns": FIRST,
    "exch_ts_ms": FIRST // 10**6 + SKEW_MS,
    "symbol": PERPETUAL,
    "bid": 61800.2,
    "bid_size": 2.507,
    "ask": 61800.3,
    "ask_size": 2.51,
    "update_id": 77,
}


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def comma_separated(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def batches_of(source: FileSource) -> list[Batch]:
    async def run() -> list[Batch]:
        return [batch async for batch in source.events()]

    return asyncio.run(run())


def read(path: Path, **options: Any) -> tuple[list[Event], FileSource]:
    source = FileSource(path, **({"keep_times": True} | options))
    return [event for batch in batches_of(source) for event in batch], source


@pytest.mark.parametrize("write", [parquet, comma_separated])
def test_recorded_trade_becomes_exact_ticks_and_lots(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / f"t.{'parquet' if write is parquet else 'csv'}", [TRADE])
    (trade,), source = read(path)
    assert trade == Trade(
        symbol=PERPETUAL,
        price=618_003,
        size=6,
        time=FIRST + SKEW_MS * 10**6,
        received=FIRST,
        trade_id=1,
        source=f"file:{path.name}",
        side="buy",
    )
    assert [item.symbol for item in source.instruments] == [PERPETUAL]


@pytest.mark.parametrize("write", [parquet, comma_separated])
def test_recorded_quote_keeps_its_update_id_as_sequence(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / f"q.{'parquet' if write is parquet else 'csv'}", [QUOTE])
    (quote,), _ = read(path)
    assert quote == Quote(
        symbol=PERPETUAL,
        bid=618_002,
        ask=618_003,
        bid_size=2_507,
        ask_size=2_510,
        time=FIRST + SKEW_MS * 10**6,
        received=FIRST,
        sequence=77,
        source=f"file:{path.name}",
    )


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    trade = {name: TRADE[name] for name in ("ts_ns", "symbol", "price", "size", "trade_id")}
    quote = {
        name: value for name, value in QUOTE.items() if name not in ("exch_ts_ms", "update_id")
    }
    comma_separated(tmp_path / "t.csv", [trade])
    parquet(tmp_path / "q.parquet", [quote])
    (first, second), _ = read(tmp_path)
    assert isinstance(first, Trade) and isinstance(second, Quote)
    assert (first.side, first.time, second.time, second.sequence) == ("", FIRST, FIRST, FIRST)


def test_files_of_a_directory_are_merged_by_receive_time_trades_first(tmp_path: Path) -> None:
    comma_separated(
        tmp_path / "t.csv", [TRADE | {"ts_ns": FIRST + n, "trade_id": n} for n in (0, 20, 30)]
    )
    parquet(tmp_path / "q.parquet", [QUOTE | {"ts_ns": FIRST + n} for n in (10, 20, 40)])
    parquet(tmp_path / "candles.parquet", [{"ts": 1, "o": 1.0}])
    (tmp_path / "notes.txt").write_text("left alone")
    events, _ = read(tmp_path)
    assert [(event.received - FIRST, type(event).__name__) for event in events] == [
        (0, "Trade"),
        (10, "Quote"),
        (20, "Trade"),
        (20, "Quote"),
        (30, "Trade"),
        (40, "Quote"),
    ]


def test_symbol_whose_quotes_lack_exchange_time_uses_receive_time_for_trades_too(
    tmp_path: Path,
) -> None:
    spot = {"symbol": SPOT}
    parquet(tmp_path / "t.parquet", [TRADE | spot, TRADE])
    parquet(tmp_path / "q.parquet", [QUOTE | spot | {"exch_ts_ms": None}, QUOTE])
    events, _ = read(tmp_path)
    skews = {(event.symbol, type(event)): event.time - event.received for event in events}
    assert skews == {
        (SPOT, Trade): 0,
        (SPOT, Quote): 0,
        (PERPETUAL, Trade): SKEW_MS * 10**6,
        (PERPETUAL, Quote): SKEW_MS * 10**6,
    }


def test_first_receive_time_is_shifted_to_now_and_all_else_by_the_same(tmp_path: Path) -> None:
    rows = [TRADE | {"ts_ns": FIRST + n * SECOND_NS, "trade_id": n} for n in range(3)]
    for row in rows:
        row["exch_ts_ms"] = row["ts_ns"] // 10**6 + SKEW_MS
    source = FileSource(parquet(tmp_path / "t.parquet", rows), wall=lambda: NOW)
    events = [event for batch in batches_of(source) for event in batch]
    assert [event.received - NOW for event in events] == [0, SECOND_NS, 2 * SECOND_NS]
    assert {event.time - event.received for event in events} == {SKEW_MS * 10**6}
    assert source.oldest_time is None


def test_kept_times_tell_the_publisher_how_old_the_first_is(tmp_path: Path) -> None:
    events, source = read(parquet(tmp_path / "t.parquet", [TRADE]), wall=lambda: NOW)
    assert source.oldest_time == events[0].received == FIRST


def test_recorded_speed_releases_each_event_when_it_is_due(tmp_path: Path) -> None:
    rows = [TRADE | {"ts_ns": FIRST + n * SECOND_NS // 2, "trade_id": n} for n in range(10)]
    assert released(parquet(tmp_path / "t.parquet", rows), 1.0) == [n / 2 for n in range(10)]
    assert released(tmp_path / "t.parquet", 5.0) == [n / 10 for n in range(10)]


def released(path: Path, speed: float) -> list[float]:
    """Seconds after the start at which each batch came, by a clock that only sleeping moves."""
    now = [0]

    async def sleep(seconds: float) -> None:
        now[0] += round(seconds * SECOND_NS)

    async def run() -> list[float]:
        source = FileSource(path, speed=speed, monotonic=lambda: now[0], sleep=sleep)
        return [round(now[0] / SECOND_NS, 6) async for _ in source.events()]

    return asyncio.run(run())


def test_full_speed_fills_batches(tmp_path: Path) -> None:
    rows = [TRADE | {"ts_ns": FIRST + n * SECOND_NS, "trade_id": n} for n in range(5000)]
    batches = batches_of(FileSource(parquet(tmp_path / "t.parquet", rows)))
    assert [len(batch) for batch in batches] == [BATCH_EVENTS_MAX, BATCH_EVENTS_MAX, 1000]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"price": 61800.35}, "OFF_TICK"),
        ({"price": float("nan")}, "BAD_FIELD"),
        ({"price": float("inf")}, "BAD_FIELD"),
        ({"price": 1e300}, "BAD_FIELD"),
        ({"price": None}, "BAD_FIELD"),
        ({"price": 0.0}, "PRICE_NOT_POSITIVE"),
        ({"price": -61800.3}, "PRICE_NOT_POSITIVE"),
        ({"size": 0.0}, "SIZE_NOT_POSITIVE"),
        ({"size": -0.006}, "SIZE_NOT_POSITIVE"),
        ({"size": 0.0061}, "OFF_LOT"),
        ({"side": "up"}, "BAD_FIELD"),
        ({"trade_id": None}, "BAD_FIELD"),
        ({"trade_id": -1}, "BAD_FIELD"),
        ({"ts_ns": None}, "BAD_FIELD"),
        ({"symbol": None}, "BAD_FIELD"),
        ({"symbol": "DOGEUSDT.BINANCE_SPOT"}, "UNKNOWN_SYMBOL"),
        ({"exch_ts_ms": FIRST // 10**6 + 6_000}, "TIME_IN_FUTURE"),
    ],
)
@pytest.mark.parametrize("write", [parquet, comma_separated])
def test_bad_row_is_counted_by_reason_and_its_neighbours_pass(
    tmp_path: Path, damage: dict[str, Any], reason: str, write: Any
) -> None:
    rows = [TRADE, TRADE | {"trade_id": 2} | damage, TRADE | {"trade_id": 3}]
    path = write(tmp_path / f"t.{'parquet' if write is parquet else 'csv'}", rows)
    events, source = read(path)
    assert [event.trade_id for event in events if isinstance(event, Trade)] == [1, 3]
    assert dict(source.status.quarantined) == {reason: 1}
    assert source.status.counts["trades"] == 2


def test_missing_exchange_time_of_one_row_puts_the_whole_symbol_on_the_receive_clock(
    tmp_path: Path,
) -> None:
    rows = [TRADE, TRADE | {"trade_id": 2, "exch_ts_ms": None}]
    events, source = read(parquet(tmp_path / "t.parquet", rows))
    assert [event.time - event.received for event in events] == [0, 0]
    assert not source.status.quarantined


def test_torn_csv_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = comma_separated(tmp_path / "t.csv", [TRADE, TRADE | {"trade_id": 2}])
    good = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([good[0], good[1], b"1,2,3\n", b"\xff\xfe\x00\n", b"\n", good[2]]))
    events, source = read(path)
    assert [event.trade_id for event in events if isinstance(event, Trade)] == [1, 2]
    assert dict(source.status.quarantined) == {"BAD_FIELD": 3}


def test_floats_written_with_exponents_are_read(tmp_path: Path) -> None:
    row = TRADE | {"symbol": SPOT, "price": 61837.63, "size": "3e-05", "exch_ts_ms": ""}
    (trade,), _ = read(comma_separated(tmp_path / "t.csv", [row]))
    assert isinstance(trade, Trade) and (trade.price, trade.size) == (6_183_763, 3)


def test_quote_side_without_size_is_absent(tmp_path: Path) -> None:
    rows = [QUOTE | {"bid_size": 0.0}, QUOTE | {"ask": None, "ask_size": None}]
    events, source = read(parquet(tmp_path / "q.parquet", rows))
    first, second = (event for event in events if isinstance(event, Quote))
    assert (first.bid, first.bid_size, first.ask) == (0, 0, 618_003)
    assert (second.bid, second.ask, second.ask_size) == (618_002, 0, 0)
    assert not source.status.quarantined


def test_crossed_quote_passes_for_the_engine_to_judge(tmp_path: Path) -> None:
    (quote,), _ = read(parquet(tmp_path / "q.parquet", [QUOTE | {"bid": 61800.4}]))
    assert isinstance(quote, Quote) and quote.bid > quote.ask


def test_trade_that_stands_twice_in_the_files_is_written_once_and_holes_are_counted(
    tmp_path: Path,
) -> None:
    ids = [1, 2, 2, 5]
    rows = [TRADE | {"ts_ns": FIRST + n, "trade_id": id_} for n, id_ in enumerate(ids)]
    events, source = read(parquet(tmp_path / "t.parquet", rows))
    assert len(events) == 3
    status = source.status
    assert (status.duplicates, status.gaps, status.missing) == (1, 1, 2)


def test_rows_out_of_order_are_counted_and_kept(tmp_path: Path) -> None:
    rows = [TRADE | {"ts_ns": FIRST + n, "trade_id": i} for i, n in enumerate((0, 9, 5))]
    events, source = read(parquet(tmp_path / "t.parquet", rows))
    assert len(events) == 3 and source.status.counts["unordered"] == 1


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "ts_ns,symbol,price,size\n1,S,1,1\n"])
def test_file_that_is_neither_trades_nor_quotes_is_a_clear_error(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(FeedFileError, match=r"x\.csv: columns are neither"):
        FileSource(path)


def test_directory_without_market_data_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FeedFileError, match="no trades or quotes"):
        FileSource(tmp_path)


@pytest.mark.parametrize("name", ["broken.parquet", "missing.parquet", "missing.csv"])
def test_unreadable_file_is_a_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FeedFileError, match=name):
        FileSource(tmp_path / name)


def test_file_without_usable_rows_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FeedFileError, match="no row"):
        FileSource(comma_separated(tmp_path / "t.csv", [TRADE | {"symbol": ""}]))


INSTRUMENTS = st.sampled_from([*reference.BINANCE, *reference.KRAKEN, *reference.SIMULATED])
STAMP = Stamp(exchange_clock=False, shift=0, source="file:x")


@given(INSTRUMENTS, st.integers(1, 10**9), st.integers(1, 10**9))
def test_every_price_and_size_survives_the_way_through_a_float(
    instrument: Any, ticks: int, lots: int
) -> None:
    price = float(Fraction(instrument.tick) * ticks)
    size = float(Fraction(instrument.lot) * lots)
    trade = trade_reader(instrument, STAMP)((1, None, "", price, size, "", 1))
    assert isinstance(trade, Trade) and (trade.price, trade.size) == (ticks, lots)


@given(INSTRUMENTS, st.tuples(*[st.none() | st.text() | st.floats() | st.integers()] * 8))
def test_row_of_anything_is_an_event_or_a_rejection(instrument: Any, row: tuple[Any, ...]) -> None:
    for make, columns in ((trade_reader, 7), (quote_reader, 8)):
        try:
            event = make(instrument, STAMP)(row[:columns])
        except Rejected as rejected:
            assert rejected.reason
        else:
            assert event.symbol == instrument.symbol


@pytest.mark.realdata
def test_recorded_market_has_its_known_totals() -> None:
    source = FileSource(market_data())
    count: dict[str, int] = defaultdict(int)
    volume: dict[str, int] = defaultdict(int)
    notional: dict[str, int] = defaultdict(int)
    quotes = 0
    for batch in batches_of(source):
        for event in batch:
            if isinstance(event, Quote):
                quotes += 1
                assert 0 < event.bid < event.ask
                continue
            count[event.symbol] += 1
            volume[event.symbol] += event.size
            notional[event.symbol] += event.size * event.price
    assert quotes == 193_255
    assert not source.status.quarantined
    assert (source.status.gaps, source.status.duplicates) == (0, 0)
    totals = {
        item.symbol: (
            count[item.symbol],
            round(notional[item.symbol] / volume[item.symbol] * float(item.tick), 6),
            f"{volume[item.symbol] * float(item.lot):.4f}",
        )
        for item in source.instruments
    }
    assert totals == {
        "BTCUSDT.BINANCE_SPOT": (19_904, 61671.551607, "437.9155"),
        "BTCUSDT.BINANCE_USDM": (21_313, 61680.982153, "2429.3660"),
        "ETHUSDT.BINANCE_USDM": (14_076, 2681.396175, "9164.9480"),
    }
