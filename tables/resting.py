"""One live order as the exchange keeps it; frozen, so that a change is a new value and the indexes can follow it."""

from typing import Literal

import msgspec

from streams.ids import Ref
from streams.messages import OrderType, PredictionRef, Side, State, TimeInForce, Trigger

UNKNOWN = -1
"""The queue ahead of an order behind the best price: nobody shows it."""

STOPS: frozenset[OrderType] = frozenset({"stop", "stop_limit", "trailing_stop"})
LIMITS: frozenset[OrderType] = frozenset({"limit", "stop_limit"})
GroupKind = Literal["", "oco", "ouo", "oto"]


class Change(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A replace under way, 0 = as it was. ref: its record on `orders.accepted`; command_ref: the one on `orders`."""

    active_at: int
    ref: Ref
    command_ref: Ref
    qty: int = 0
    price: int = 0
    stop_price: int = 0
    trail_ticks: int = 0
    trail_bps: int = 0
    protection: int = 0


class RestingOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One live order. qty, filled: lots; prices: ticks, 0 = none; times: ns of event time, 0 = none.

    accepted_ref: the record on `orders.accepted` with the terms in force; command_ref: the command on `orders`.
    parent_id: the entry that an exit protects, or whose fills arm an oto child. held: lots of such a child that are
    not armed. best: the best trigger price that a trailing stop has seen. queue: lots ahead of it at its price, as far
    as known. rev, legs: events and fills so far. latency_ns: what was drawn for it. trigger_ref: what set its stop off.
    waited: it has been told that it waits for a book.
    """

    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    qty: int
    state: State
    active_at: int
    accepted_ref: Ref
    command_ref: Ref
    maker_rate: int
    taker_rate: int
    price: int = 0
    stop_price: int = 0
    protection: int = 0
    reduce_only: bool = False
    post_only: bool = False
    filled: int = 0
    rev: int = 0
    legs: int = 0
    expire_at: int = 0
    trigger: Trigger = "quote"
    trail_ticks: int = 0
    trail_bps: int = 0
    best: int = 0
    queue: int = UNKNOWN
    latency_ns: int = 0
    trigger_ref: Ref | None = None
    cancel_at: int = 0
    cancel_reason: str = ""
    cancel_ref: Ref | None = None
    change: Change | None = None
    parent_id: str = ""
    group_id: str = ""
    group_kind: GroupKind = ""
    held: int = 0
    waited: bool = False
    strategy: str = ""
    mode: str = "sim"
    mode_epoch: int = 0
    prediction: PredictionRef | None = None

    @property
    def remaining(self) -> int:
        """Lots still open."""
        return self.qty - self.filled

    @property
    def free(self) -> int:
        """Lots that may fill now: what remains, less what waits for a parent's fills."""
        return self.qty - self.filled - self.held

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1

    @property
    def is_stop(self) -> bool:
        """It waits for a trigger first."""
        return self.type in STOPS

    @property
    def is_limit(self) -> bool:
        """It rests at its price; a stop_limit once it is triggered."""
        return self.type in LIMITS

    @property
    def is_exit(self) -> bool:
        """An exit of a bracket."""
        return self.parent_id != "" and self.group_kind != "oto"

    @property
    def is_protective(self) -> bool:
        """The stop of a bracket."""
        return self.is_exit and self.is_stop

    @property
    def entry_id(self) -> str:
        """The entry of the bracket that it may belong to."""
        return self.parent_id if self.is_exit else self.order_id

    @property
    def family(self) -> str:
        """Key of the orders that end or shrink with it, or that its parent arms; "" when it stands alone."""
        if self.group_kind == "oto":
            return self.parent_id
        return f"{self.account}|{self.symbol}|{self.group_id}" if self.group_id else ""

    @property
    def worst(self) -> int:
        """The worst price at which it may fill, 0 = any."""
        return self.price if self.is_limit else self.protection

    @property
    def rank(self) -> tuple[int, int, str]:
        """Earlier activation first, then the earlier command."""
        return (self.active_at, self.accepted_ref.offset, self.order_id)
