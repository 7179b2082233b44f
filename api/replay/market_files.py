"""Trades and quotes as parquet files that the file feed and a replay read: `quotes.parquet` and `trades.parquet`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from streams.feeds.source import MILLISECOND_NS, Event
from streams.instruments import Instrument
from streams.messages import Quote, Trade

_WHEN = [("ts_ns", pa.int64()), ("exch_ts_ms", pa.int64()), ("symbol", pa.string())]
QUOTES = pa.schema(
    [
        *_WHEN,
        ("bid", pa.float64()),
        ("bid_size", pa.float64()),
        ("ask", pa.float64()),
        ("ask_size", pa.float64()),
        ("update_id", pa.int64()),
    ]
)
TRADES = pa.schema(
    [
        *_WHEN,
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("side", pa.string()),
        ("trade_id", pa.int64()),
    ]
)
ROWS_AT_ONCE = 20_000


class MarketFiles:
    """Two files being written, as a context. Quotes of a silent venue (flag `stale`) are no data and are left out.

    A venue's time that is its receive time is left out as well: readers then take that, to the nanosecond.
    """

    def __init__(self, directory: Path, instruments: Mapping[str, Instrument]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.rows = {"quotes": 0, "trades": 0}
        self._instruments = instruments
        self._writers = {
            "quotes": pq.ParquetWriter(directory / "quotes.parquet", QUOTES),
            "trades": pq.ParquetWriter(directory / "trades.parquet", TRADES),
        }
        self._open: dict[str, list[dict[str, Any]]] = {"quotes": [], "trades": []}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name, writer in self._writers.items():
            self._flush(name)
            writer.close()

    def write(self, events: Iterable[Event]) -> None:
        """Append events in the order in which they are to be read."""
        for event in events:
            instrument = self._instruments[event.symbol]
            if isinstance(event, Trade):
                self._add("trades", _trade(event, instrument))
            elif event.flags != "stale":
                self._add("quotes", _quote(event, instrument))

    def _add(self, name: str, row: dict[str, Any]) -> None:
        self._open[name].append(row)
        self.rows[name] += 1
        if len(self._open[name]) == ROWS_AT_ONCE:
            self._flush(name)

    def _flush(self, name: str) -> None:
        writer, rows = self._writers[name], self._open[name]
        writer.write_table(pa.Table.from_pylist(rows, schema=writer.schema))
        self._open[name] = []


def _when(event: Event) -> dict[str, Any]:
    at_venue = None if event.time == event.received else event.time // MILLISECOND_NS
    return {"ts_ns": event.received, "exch_ts_ms": at_venue, "symbol": event.symbol}


def _quote(quote: Quote, instrument: Instrument) -> dict[str, Any]:
    return _when(quote) | {
        "bid": float(instrument.price_text(quote.bid)),
        "bid_size": float(instrument.qty_text(quote.bid_size)),
        "ask": float(instrument.price_text(quote.ask)),
        "ask_size": float(instrument.qty_text(quote.ask_size)),
        "update_id": quote.sequence,
    }


def _trade(trade: Trade, instrument: Instrument) -> dict[str, Any]:
    return _when(trade) | {
        "price": float(instrument.price_text(trade.price)),
        "size": float(instrument.qty_text(trade.size)),
        "side": trade.side or None,
        "trade_id": trade.trade_id,
    }
