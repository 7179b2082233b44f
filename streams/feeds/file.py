"""Replays recorded trades and quotes from parquet or CSV files, merged by the time they were received."""

import asyncio
import heapq
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.feeds import reference
from streams.feeds.file_rows import Rejected, Row, Stamp, quote_reader, trade_reader
from streams.feeds.file_tables import FeedFileError, Table, open_tables
from streams.feeds.pacing import MAX_SPEED, Pacer, Sleep
from streams.feeds.sequence import TradeNumbers
from streams.feeds.source import MILLISECOND_NS, Batch, Clock, Event
from streams.feeds.status import FeedStatus
from streams.instruments import Instrument
from streams.messages import Trade

log = logging.getLogger(__name__)

BATCH_EVENTS_MAX = 2000
BATCH_NS = 5 * MILLISECOND_NS
"""Real time that one batch of a paced replay may cover."""

SYMBOL = 2
"""Place of the symbol in a row of either kind."""


@dataclass
class Scan:
    """What one pass over times and symbols tells. first, last: receive times in ns."""

    first: int = 0
    last: int = 0
    symbols: set[str] = field(default_factory=set)
    receive_clock: set[str] = field(default_factory=set)
    """Symbols with a trade or quote without exchange time: both their streams use receive time."""


def scan(tables: Iterable[Table]) -> Scan:
    """Reads every row's time and symbol. Raises FeedFileError where no row has both."""
    found = Scan()
    for table in tables:
        for received, exchange, symbol in table.rows(("ts_ns", "exch_ts_ms", "symbol")):
            moment = _moment(received)
            if not isinstance(symbol, str) or not moment:
                continue
            found.symbols.add(symbol)
            if exchange is None:
                found.receive_clock.add(symbol)
            found.first = min(found.first or moment, moment)
            found.last = max(found.last, moment)
    if not found.symbols:
        raise FeedFileError("no row has both a time and a symbol")
    return found


class FileSource:
    """Recorded market data as a feed.

    paths: files, or directories of *.parquet and *.csv. Trades have the columns ts_ns, symbol, price, size, trade_id
    and may have exch_ts_ms, side; quotes have ts_ns, symbol, bid, bid_size, ask, ask_size and may have exch_ts_ms,
    update_id. Rows of a file stand in order of ts_ns. speed: factor of recorded speed.

    All times are shifted by one amount, so that the first receive time is now; at more than recorded speed event times
    run ahead of the wall clock. keep_times leaves them as they are. Rows that cannot be used are counted in `status`
    by reason and kept out; symbols without reference data are such rows.
    """

    def __init__(
        self,
        paths: Path | list[Path],
        *,
        speed: float = MAX_SPEED,
        keep_times: bool = False,
        instruments: Mapping[str, Instrument] = reference.SHIPPED,
        wall: Clock = time.time_ns,
        monotonic: Clock = time.monotonic_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        listed = paths if isinstance(paths, list) else [paths]
        self.name = f"file:{','.join(path.name for path in listed)}"
        self.status = FeedStatus(self.name, choice=self.name)
        self._tables = open_tables(listed)
        self._scan = scan(self._tables)
        known = {symbol: instruments[symbol] for symbol in self._scan.symbols & set(instruments)}
        self.instruments = tuple(known[symbol] for symbol in sorted(known))
        self.oldest_time = self._scan.first if keep_times else None
        self._wall = wall
        self._keep_times = keep_times
        self._pacer = Pacer(speed, monotonic, sleep)
        self._numbers = TradeNumbers(self.status)

    async def events(self) -> AsyncGenerator[Batch, None]:
        """Batches of at most 2,000 events, each released when its last event is due; ends with the files."""
        self.status.connected = True
        shift = 0 if self._keep_times else self._wall() - self._scan.first
        first = self._scan.first + shift
        for batch in _batches(self._merged(shift), self._pacer.speed):
            await self._pacer.until(batch[-1].received - first)
            self.status.saw(batch[-1].time, batch[-1].received)
            yield batch
        self.status.connected = False
        if self.status.quarantined:
            log.warning("%s kept out rows: %s", self.name, dict(self.status.quarantined))

    def _merged(self, shift: int) -> Iterator[Event]:
        streams = [self._stream(table, shift) for table in self._tables]
        return heapq.merge(*streams, key=lambda event: event.received)

    def _stream(self, table: Table, shift: int) -> Iterator[Event]:
        readers = self._readers(table, shift)
        counts, newest = self.status.counts, 0
        for row in table.rows(table.wanted):
            event = self._event(row, readers)
            if event is None:
                continue
            if event.received < newest:
                counts["unordered"] += 1
            newest = event.received
            counts[table.kind] += 1
            yield event

    def _readers(self, table: Table, shift: int) -> dict[str, Callable[[Row], Event]]:
        make = trade_reader if table.kind == "trades" else quote_reader
        receive_clock = self._scan.receive_clock
        return {
            instrument.symbol: make(
                instrument, Stamp(instrument.symbol not in receive_clock, shift, self.name)
            )
            for instrument in self.instruments
        }

    def _event(self, row: Row, readers: dict[str, Callable[[Row], Event]]) -> Event | None:
        read = readers.get(row[SYMBOL])
        if read is None:
            reason = "BAD_FIELD" if row[SYMBOL] is None else "UNKNOWN_SYMBOL"
            self.status.quarantine(reason, str(row))
            return None
        try:
            event = read(row)
        except Rejected as rejected:
            self.status.quarantine(rejected.reason, rejected.detail)
            return None
        if type(event) is Trade and not self._numbers.is_new(event.symbol, event.trade_id):
            return None
        return event


def _batches(events: Iterator[Event], speed: float) -> Iterator[Batch]:
    span = BATCH_NS * speed
    batch: Batch = []
    for event in events:
        if batch and (len(batch) >= BATCH_EVENTS_MAX or event.received - batch[0].received >= span):
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch


def _moment(value: object) -> int:
    """A receive time in ns, 0 where the cell holds none; the row is counted when it is read."""
    if type(value) is int:
        return max(value, 0)
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) < 20 else 0
