"""Turns Kraken's messages into events, without a socket: standing quotes, trade numbers, silence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from streams.feeds import kraken_frames as frames
from streams.feeds.kraken_frames import Malformed, TickerRow, TradeRow
from streams.feeds.sequence import TradeNumbers
from streams.feeds.source import SECOND_NS, Batch
from streams.feeds.status import FeedStatus
from streams.instruments import Instrument
from streams.messages import Quote, Trade

log = logging.getLogger(__name__)

R = TypeVar("R")

SOURCE = "kraken"
ONLINE = "online"
REPEAT_NS = SECOND_NS
"""A quiet book is written again this long after it was last written."""


@dataclass
class Standing:
    """The last quote of a symbol. written: when, monotonic ns; current: it is of the connection that now stands."""

    quote: Quote
    written: int
    current: bool = True
    stale: bool = False


class KrakenSession:
    """What is known of the venue across connections.

    received: wall-clock ns of arrival; now: monotonic ns; silence: ns without data or heartbeat after which the venue
    counts as silent. A trade snapshot at the first connection sets where a symbol's numbering starts; a later one
    fills the hole that the disconnect left.
    """

    def __init__(
        self, instruments: tuple[Instrument, ...], status: FeedStatus, silence: int
    ) -> None:
        self.heard = 0
        """Monotonic ns of the last data or heartbeat."""
        self._by_pair = {f"{item.base}/{item.quote}": item for item in instruments}
        self._status = status
        self._silence = silence
        self._numbers = TradeNumbers(status)
        self._standing: dict[str, Standing] = {}
        self._receive_clock: set[str] = set()
        self._is_online = True

    def hear(self, frame: str | bytes, received: int, now: int) -> Batch:
        """The events of one frame. What cannot be used, frame or row, is counted and kept out, never raised."""
        try:
            message = frames.parse(frame)
            match message.get("channel"):
                case "ticker":
                    self.heard = now
                    return self._quotes(message, received, now)
                case "trade":
                    self.heard = now
                    return self._trades(message, received)
                case "heartbeat":
                    self.heard = now
                    self._status.counts["heartbeats"] += 1
                case "status":
                    self._note_venue(message)
                case None:
                    self._note_answer(message)
                case channel:
                    raise Malformed("UNKNOWN_CHANNEL", repr(channel))
        except Malformed as malformed:
            self._status.quarantine(malformed.reason, malformed.detail)
        return []

    def lose_connection(self) -> None:
        """The standing quotes are no longer known to be current."""
        for standing in self._standing.values():
            standing.current = False

    def watch(self, received: int, now: int) -> Batch:
        """What time alone makes due: `repeat` each second while the venue lives, `stale` once when it does not."""
        if not self._is_online or now - self.heard >= self._silence:
            return self.fall_silent(received, now)
        batch: Batch = []
        for standing in self._standing.values():
            age = now - standing.written
            if standing.stale:
                continue
            if not standing.current and age >= self._silence:
                batch.append(self._again(standing, "stale", received, now))
            elif standing.current and age >= REPEAT_NS:
                batch.append(self._again(standing, "repeat", received, now))
        return batch

    def fall_silent(self, received: int, now: int) -> Batch:
        """The venue is silent or closed: every standing quote turns stale."""
        return [
            self._again(standing, "stale", received, now)
            for standing in self._standing.values()
            if not standing.stale
        ]

    def _quotes(self, message: dict[str, Any], received: int, now: int) -> Batch:
        batch: Batch = []
        for row in self._rows(message, frames.ticker_row, received):
            symbol = row.instrument.symbol
            if row.time is None:
                self._receive_clock.add(symbol)
            quote = Quote(
                symbol=symbol,
                bid=row.bid,
                ask=row.ask,
                bid_size=row.bid_size,
                ask_size=row.ask_size,
                time=self._event_time(row, received),
                received=received,
                sequence=self._next_sequence(symbol, received),
                source=SOURCE,
            )
            self._standing[symbol] = Standing(quote, now)
            batch.append(quote)
            self._status.saw(quote.time, received)
        self._status.counts["quotes"] += len(batch)
        return batch

    def _trades(self, message: dict[str, Any], received: int) -> Batch:
        rows = self._rows(message, frames.trade_row, received)
        if message.get("type") == "snapshot":
            rows = self._unseen(rows)
        batch: Batch = [
            Trade(
                symbol=row.instrument.symbol,
                price=row.price,
                size=row.size,
                time=self._event_time(row, received),
                received=received,
                trade_id=row.trade_id,
                source=SOURCE,
                side=row.side,
            )
            for row in rows
            if self._numbers.is_new(row.instrument.symbol, row.trade_id)
        ]
        if batch:
            self._status.saw(batch[-1].time, received)
        self._status.counts["trades"] += len(batch)
        return batch

    def _unseen(self, snapshot: list[TradeRow]) -> list[TradeRow]:
        """Of a snapshot, the trades after the last one seen; of a symbol never seen, none."""
        snapshot.sort(key=lambda row: row.trade_id)
        seen = dict(self._numbers.last)
        for row in snapshot:
            if row.instrument.symbol not in seen:
                self._numbers.start_at(row.instrument.symbol, row.trade_id)
        return [
            row
            for row in snapshot
            if row.instrument.symbol in seen and row.trade_id > seen[row.instrument.symbol]
        ]

    def _rows(
        self,
        message: dict[str, Any],
        read: Callable[[dict[str, Any], dict[str, Instrument]], R],
        received: int,
    ) -> list[R]:
        good: list[R] = []
        for row in frames.rows(message):
            try:
                parsed = read(row, self._by_pair)
                frames.check_time(parsed, received)
            except Malformed as malformed:
                self._status.quarantine(malformed.reason, malformed.detail)
            else:
                good.append(parsed)
        return good

    def _event_time(self, row: TradeRow | TickerRow, received: int) -> int:
        """One clock a symbol: the venue's, unless its quotes come without one."""
        if row.time is None or row.instrument.symbol in self._receive_clock:
            return received
        return row.time

    def _next_sequence(self, symbol: str, received: int) -> int:
        """Rising within a symbol, also over restarts of the feed; the venue does not number its tickers."""
        standing = self._standing.get(symbol)
        return received if standing is None else max(standing.quote.sequence + 1, received)

    def _again(
        self, standing: Standing, flags: Literal["repeat", "stale"], received: int, now: int
    ) -> Quote:
        """The standing quote as of now: its event time moves on by the time that passed here."""
        last = standing.quote
        passed = max(received - last.received, 0)
        quote = Quote(
            symbol=last.symbol,
            bid=last.bid,
            ask=last.ask,
            bid_size=last.bid_size,
            ask_size=last.ask_size,
            time=last.time + passed,
            received=last.received + passed,
            sequence=self._next_sequence(last.symbol, received),
            source=SOURCE,
            flags=flags,
        )
        standing.quote, standing.written, standing.stale = quote, now, flags == "stale"
        self._status.counts[flags] += 1
        return quote

    def _note_venue(self, message: dict[str, Any]) -> None:
        for row in frames.rows(message):
            state = str(row.get("system"))
            self._is_online = state == ONLINE
            if state != self._status.venue_state:
                log.info("%s: the venue says it is %s", self._status.name, state)
            self._status.venue_state = state
        self._status.counts["status"] += 1

    def _note_answer(self, message: dict[str, Any]) -> None:
        """The answer to a request of ours; a refused subscription stays visible in the status."""
        if "method" not in message:
            raise Malformed("UNKNOWN_MESSAGE", str(message))
        if message.get("success") is False:
            self._status.counts["refused"] += 1
            self._status.last_error = f"{message['method']} refused: {message.get('error')}"
            log.error("%s: %s", self._status.name, self._status.last_error)
        else:
            self._status.counts["answers"] += 1
