"""The topic catalogue: the only place where a topic's name, key, message and retention are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from streams import codec, control, messages, orders
from streams.interleaving import Interleaving

DAY_MS = 86_400_000
MAX_MESSAGE_BYTES = 1_000_000
"""No record is larger; a larger output of a handler is an error, a larger input never reaches the log."""

BROADCAST_PARTITIONS = 1


class Valued(Protocol):
    """Whatever has a value to decode."""

    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True)
class Topic:
    """One topic. decode: bytes of a value -> message, raises `codec.Undecodable`.

    fast: the bare decoder of a busy topic, which raises what it likes.
    copartition: topics of one such group have equal partition counts and are keyed alike; "broadcast" topics have one
    partition and are read in full by every cell; "single" topics stand alone.
    """

    name: str
    key: Literal["symbol", "account", "scope", "table", "origin", "group"]
    copartition: Literal["symbol", "account", "broadcast", "single"]
    decode: Callable[[bytes], Any]
    fast: Callable[[bytes], Any] | None = None
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = 90 * DAY_MS

    def decode_all(self, records: Sequence[Valued]) -> list[Any] | None:
        """The messages of all records, or None when one of them needs `decode` to say what is wrong with it."""
        fast = self.fast
        if fast is None:
            return None
        try:
            return [fast(record.value) for record in records]  # type: ignore[arg-type]  # None raises
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError, RecursionError):
            return None

    def partitions(self, count: int) -> int:
        """How many partitions this topic has where the system runs with `count`."""
        return BROADCAST_PARTITIONS if self.copartition == "broadcast" else count


def _raw(data: bytes) -> bytes:
    return data


TRADES = Topic(
    "market.trades",
    "symbol",
    "symbol",
    codec.json_decoder(messages.Trade),
    msgspec.json.Decoder(messages.Trade).decode,
    retention_ms=7 * DAY_MS,
)
QUOTES = Topic(
    "market.quotes",
    "symbol",
    "symbol",
    codec.json_decoder(messages.Quote),
    msgspec.json.Decoder(messages.Quote).decode,
    retention_ms=7 * DAY_MS,
)
MARKS = Topic(
    "market.marks", "symbol", "broadcast", codec.json_decoder(messages.Mark), cleanup="compact"
)
ORDERS = Topic("orders", "account", "account", orders.decode)
ACCEPTED = Topic("orders.accepted", "symbol", "symbol", codec.json_decoder(messages.ToBroker))
EVENTS = Topic(
    "orders.events",
    "account",
    "account",
    codec.json_decoder(messages.OrderEvent),
    retention_ms=3650 * DAY_MS,
)
FILLS = Topic(
    "fills", "account", "account", codec.json_decoder(messages.Fill), retention_ms=3650 * DAY_MS
)
POSITIONS = Topic(
    "positions",
    "account",
    "account",
    codec.json_decoder(messages.Position),
    retention_ms=365 * DAY_MS,
)
DECISIONS = Topic(
    "risk.decisions",
    "account",
    "account",
    codec.json_decoder(messages.Decision),
    retention_ms=365 * DAY_MS,
)
FEATURES = Topic("features", "symbol", "symbol", codec.json_decoder(messages.Features))
PREDICTIONS = Topic("predictions", "symbol", "symbol", codec.json_decoder(messages.Prediction))
LABELS = Topic("labels", "symbol", "symbol", codec.json_decoder(messages.Label))
CONTROL = Topic("control", "scope", "broadcast", control.decode, cleanup="compact")
DEAD_LETTERS = Topic(
    "dead.letters",
    "origin",
    "single",
    codec.json_decoder(messages.DeadLetter),
    retention_ms=30 * DAY_MS,
)
REPLAYED = Topic(
    "dead.replayed",
    "origin",
    "single",
    codec.json_decoder(messages.Replayed),
    retention_ms=2 * 30 * DAY_MS,
)
"""Which dead letters were sent again: outlives the letters, so that none is sent twice by mistake."""

INTERLEAVING = Topic(
    "interleaving",
    "group",
    "single",
    codec.json_decoder(Interleaving),
    retention_ms=90 * DAY_MS,
)
"""The order in which each cell applied its inputs; its partition is the cell's."""

SYMBOL_STATE = Topic("symbol-state", "table", "symbol", _raw, cleanup="compact")
LEARNER_STATE = Topic("learner-state", "table", "symbol", _raw, cleanup="compact")
STRATEGIST_STATE = Topic("strategist-state", "table", "symbol", _raw, cleanup="compact")
ACCOUNT_STATE = Topic("account-state", "table", "account", _raw, cleanup="compact")

CATALOGUE: tuple[Topic, ...] = (
    TRADES,
    QUOTES,
    MARKS,
    ORDERS,
    ACCEPTED,
    EVENTS,
    FILLS,
    POSITIONS,
    DECISIONS,
    FEATURES,
    PREDICTIONS,
    LABELS,
    CONTROL,
    DEAD_LETTERS,
    INTERLEAVING,
    REPLAYED,
    SYMBOL_STATE,
    LEARNER_STATE,
    STRATEGIST_STATE,
    ACCOUNT_STATE,
)  # fmt: skip

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}
