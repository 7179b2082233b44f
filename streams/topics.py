"""The topic catalogue: the only place where a topic's name, key, message and retention are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from streams import codec, control, messages, orders, predictions
from streams.interleaving import Interleaving

DAY_MS = 86_400_000
MAX_MESSAGE_BYTES = 1_000_000
"""No record is larger; a larger output of a handler is an error, a larger input never reaches the log."""

BROADCAST_PARTITIONS = 1
WIRE_VERSION = 2
"""Of the shapes of all messages; raised by the release that changes one. Readers know the version before, too."""


Key = Literal["symbol", "account", "scope", "table", "origin", "group", "model"]
Copartition = Literal["symbol", "account", "broadcast", "single"]


class Valued(Protocol):
    """Whatever has a value to decode."""

    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True)
class Topic:
    """One topic. decode: bytes of a value -> message, raises `codec.Undecodable`.

    fast: the bare decoder, which raises what it likes; None where decoding is more than that.
    copartition: topics of one such group have equal partition counts and are keyed alike; "broadcast" topics have one
    partition and are read in full by every cell; "single" topics stand alone.
    message: the type of its values, for schemas: a struct, or a union of pydantic models; None: the engine's own.
    """

    name: str
    key: Key
    copartition: Copartition
    decode: Callable[[bytes], Any]
    fast: Callable[[bytes], Any] | None = None
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = 90 * DAY_MS
    message: Any = None

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


def _json(
    name: str,
    key: Key,
    copartition: Copartition,
    message: type[Any],
    *,
    cleanup: Literal["delete", "compact"] = "delete",
    days: int = 90,
) -> Topic:
    """A topic of one message type, as the engine writes it."""
    return Topic(
        name,
        key,
        copartition,
        codec.json_decoder(message),
        msgspec.json.Decoder(message).decode,
        cleanup,
        days * DAY_MS,
        message,
    )


TRADES = _json("market.trades", "symbol", "symbol", messages.Trade, days=7)
QUOTES = _json("market.quotes", "symbol", "symbol", messages.Quote, days=7)
BARS = _json("market.bars", "symbol", "symbol", messages.Bar)
MARKS = _json("market.marks", "symbol", "broadcast", messages.Mark, cleanup="compact")
ORDERS = Topic("orders", "account", "account", orders.decode, message=orders.Command)
ACCEPTED = _json("orders.accepted", "symbol", "symbol", messages.ToBroker)
EVENTS = _json("orders.events", "account", "account", messages.OrderEvent, days=3650)
FILLS = _json("fills", "account", "account", messages.Fill, days=3650)
STRATEGY_FILLS = _json("strategy.fills", "symbol", "symbol", messages.Fill, days=7)
"""The fills of orders that name a strategy, once more under their symbol: what a strategy may see of its own."""

POSITIONS = _json("positions", "account", "account", messages.Position, days=365)
DECISIONS = _json("risk.decisions", "account", "account", messages.Decision, days=365)
FEATURES = _json("features", "symbol", "symbol", predictions.Features)
PREDICTIONS = _json("predictions", "symbol", "symbol", predictions.Prediction)
LABELS = _json("labels", "symbol", "symbol", predictions.Label)
EXAMPLES = _json("examples", "symbol", "symbol", predictions.Example)
REGISTRY = _json(
    "models.registry", "model", "broadcast", predictions.ModelVersion, cleanup="compact"
)
ALIAS = _json("models.alias", "model", "broadcast", predictions.Alias, cleanup="compact")
CONTROL = Topic(
    "control", "scope", "broadcast", control.read, cleanup="compact", message=control.Record
)
DEAD_LETTERS = _json("dead.letters", "origin", "single", messages.DeadLetter, days=30)
REPLAYED = _json("dead.replayed", "origin", "single", messages.Replayed, days=60)
"""Which dead letters were sent again: outlives the letters, so that none is sent twice by mistake."""

INTERLEAVING = _json("interleaving", "group", "single", Interleaving)
"""The order in which each cell applied its inputs; its partition is the cell's."""

SYMBOL_STATE = Topic("symbol-state", "table", "symbol", _raw, cleanup="compact")
LEARNER_STATE = Topic("learner-state", "table", "symbol", _raw, cleanup="compact")
HEAVY_STATE = Topic("learner-heavy-state", "table", "symbol", _raw, cleanup="compact")
STRATEGIST_STATE = Topic("strategist-state", "table", "symbol", _raw, cleanup="compact")
ACCOUNT_STATE = Topic("account-state", "table", "account", _raw, cleanup="compact")

CATALOGUE: tuple[Topic, ...] = (
    TRADES,
    QUOTES,
    BARS,
    MARKS,
    ORDERS,
    ACCEPTED,
    EVENTS,
    FILLS,
    STRATEGY_FILLS,
    POSITIONS,
    DECISIONS,
    FEATURES,
    PREDICTIONS,
    LABELS,
    EXAMPLES,
    REGISTRY,
    ALIAS,
    CONTROL,
    DEAD_LETTERS,
    INTERLEAVING,
    REPLAYED,
    SYMBOL_STATE,
    LEARNER_STATE,
    HEAVY_STATE,
    STRATEGIST_STATE,
    ACCOUNT_STATE,
)  # fmt: skip

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}
