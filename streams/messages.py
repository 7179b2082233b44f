"""What flows: the messages that the engine itself writes and the market data it reads, one struct a topic.

Prices are integer ticks and quantities integer lots of the symbol's instrument wherever a field says so; fields that
people and SQL read are decimal strings. Times are nanoseconds of event time unless a field says wall clock.
"""

from typing import Literal, NamedTuple

import msgspec

from streams.ids import Ref

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GTD"]
Trigger = Literal["quote", "trade", "mark"]
"""What sets off a stop: the best bid or ask on its side, the last trade, or the mid."""

State = Literal[
    "REVIEW",
    "ACCEPTED",
    "HELD",
    "UNTRIGGERED",
    "TRIGGERED",
    "WORKING",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELLED",
    "REJECTED",
    "EXPIRED",
]
TERMINAL: frozenset[str] = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED"})


class Message(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Base of every message; unknown fields of a newer writer are ignored by an older reader."""


class Trade(Message, frozen=True, gc=False, omit_defaults=True):
    """One public trade. price: ticks; size: lots; side: the aggressor's, "" when the venue does not tell.

    flags: `late` and `suspect` trades fill and trigger nothing.
    """

    symbol: str
    price: int
    size: int
    time: int
    received: int
    trade_id: int
    source: str
    side: Literal["buy", "sell", ""] = ""
    flags: Literal["", "late", "suspect"] = ""


class Quote(Message, frozen=True, gc=False, omit_defaults=True):
    """Best bid and ask. Prices in ticks, sizes in lots, 0 = that side is absent.

    flags: "" a change; "repeat" the standing quote written again while the venue lives; "stale" the venue is silent;
    "late" and "suspect" quotes fill and trigger nothing.
    """

    symbol: str
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    time: int
    received: int
    sequence: int
    source: str
    flags: Literal["", "repeat", "stale", "late", "suspect"] = ""


class Bar(Message, frozen=True, gc=False, omit_defaults=True):
    """What one span of event time held. Prices in ticks, volume in lots, start and time: its first and last ns."""

    symbol: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    start: int
    time: int
    received: int
    source: str


class Mark(Message, frozen=True, gc=False, omit_defaults=True):
    """The conflated price of a symbol, with the quote or trade that made it.

    bid, ask, last: ticks, 0 = none; mid2: mid in half ticks; breaker: the circuit breaker that is open, "" = none.
    """

    symbol: str
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    last: int
    mid2: int
    status: Literal["live", "stale", "crossed", "one_sided"]
    time: int
    received: int
    source: str
    cause: Ref
    breaker: str = ""


class Accepted(Message, frozen=True, omit_defaults=True):
    """An order after risk, for the broker. qty: lots; prices: ticks, 0 = none.

    protection: the worst price in ticks at which a market entry may fill, 0 = none. reserved: money units (10**-18) as
    a decimal string of the quote currency. maker_rate, taker_rate: integers of 0.01 bp. expire_at: ns, 0 = never.
    trail_ticks, trail_bps: of a trailing stop, one of the two; stop_loss_*: of the bracket's stop, which trails instead
    of standing at `stop_loss`. group: orders of one account and symbol that end or shrink together; parent_id: the
    order whose fills arm this one (kind oto). mode, mode_epoch: of the account when risk decided.
    """

    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    qty: int
    price: int
    stop_price: int
    stop_loss: int
    take_profit: int
    protection: int
    reduce_only: bool
    maker_rate: int
    taker_rate: int
    reserved: str
    command_ref: Ref
    time: int
    strategy: str = ""
    expire_at: int = 0
    post_only: bool = False
    trigger: Trigger = "quote"
    trail_ticks: int = 0
    trail_bps: int = 0
    stop_loss_trail_ticks: int = 0
    stop_loss_trail_bps: int = 0
    stop_loss_trigger: Trigger = "quote"
    group_id: str = ""
    group_kind: Literal["", "oco", "ouo", "oto"] = ""
    parent_id: str = ""
    mode: str = "sim"
    mode_epoch: int = 0
    prediction: "PredictionRef | None" = None


class PredictionRef(Message, frozen=True, omit_defaults=True):
    """The prediction that an order acts on. p: P(up) as served; edge_bps: expected return before costs."""

    topic: str
    partition: int
    offset: int
    model: str = ""
    version: str = ""
    p: float | None = None
    edge_bps: float | None = None


class CancelAccepted(Message, frozen=True, omit_defaults=True):
    """A cancel after risk, for the broker.

    reason: "CLIENT", and "LATCHED" by the account's limits: with latency, never leaves a position without a stop.
    "KILLED": at once. "FLATTENED": at once and also of protective orders, whose bracket ends with it; an order that
    closes the position follows on the same partition.
    """

    order_id: str
    account: str
    symbol: str
    command_ref: Ref
    reason: str
    time: int


class ReplaceAccepted(Message, frozen=True, omit_defaults=True):
    """A replace after risk, for the broker. qty: the new total in lots, filled ones included; 0 = as it was.

    price, stop_price: ticks, trail_ticks, trail_bps: 0 = as it was. reserved_lot: money units (10**-18) as a decimal
    string that risk holds for each lot from now on. replace_id: client_order_id of the replace.
    """

    order_id: str
    replace_id: str
    account: str
    symbol: str
    command_ref: Ref
    time: int
    qty: int = 0
    price: int = 0
    stop_price: int = 0
    trail_ticks: int = 0
    trail_bps: int = 0
    protection: int = 0
    reserved_lot: str = "0"


class ToBroker(Message, frozen=True, omit_defaults=True):
    """What `orders.accepted` carries: exactly one of its fields."""

    order: Accepted | None = None
    cancel: CancelAccepted | None = None
    replace: ReplaceAccepted | None = None


class MarkUsed(NamedTuple):
    """A mark that a decision consulted. mid2: half ticks; age_ms: of event time, -1 in decisions that do not say."""

    symbol: str
    cause: Ref
    mid2: int
    age_ms: int = -1


class Decision(Message, frozen=True, omit_defaults=True):
    """What risk decided on one command, with the inputs it used.

    kind: what was commanded. outcome `duplicate` repeats the first outcome and has no other effect. control_offset: of
    the last control record applied; limits_version: of the account's limits record, -1 = none. Money fields (reserved,
    nav, exposure_*, reserved_*) are decimal strings of the account's currency, "" where not computed; exposure and
    reservation of the account before and after the order. resolved_qty: decimal string, of an order that was sized by
    risk. maker_rate, taker_rate: integers of 0.01 bp. watchdog: the verdict's source and score in permille.
    """

    decision_id: str
    kind: Literal["new", "cancel", "replace", "control", "review", "latch", "alarm", "unreadable"]
    outcome: Literal[
        "accepted", "rejected", "duplicate", "held", "latched", "told", "applied", "forwarded"
    ]
    account: str
    command_ref: Ref
    time: int
    client_order_id: str = ""
    order_id: str = ""
    symbol: str = ""
    reason: str = ""
    detail: str = ""
    reserved: str = ""
    marks: tuple[MarkUsed, ...] = ()
    control_offset: int = -1
    limits_version: int = -1
    nav: str = ""
    exposure_before: str = ""
    exposure_after: str = ""
    reserved_before: str = ""
    reserved_after: str = ""
    resolved_qty: str = ""
    maker_rate: int = 0
    taker_rate: int = 0
    mode: str = ""
    mode_epoch: int = 0
    watchdog: str = ""


class OrderEvent(Message, frozen=True, omit_defaults=True):
    """One step of an order's life after acceptance. rev: 1.. without gaps; quantities and prices: decimal strings.

    pending: what is under way for it. command_ref: the command that asked for this step, else the order's own.
    parent_id: of an exit, the entry that it protects; group_id: its oco or ouo group, or the parent of an oto child.
    """

    event_id: str
    order_id: str
    client_order_id: str
    account: str
    symbol: str
    rev: int
    type: str
    state: State
    qty: str
    filled: str
    remaining: str
    time: int
    cause: Ref
    side: str = ""
    price: str = ""
    stop_price: str = ""
    parent_id: str = ""
    reason: str = ""
    pending: Literal["none", "cancel", "replace"] = "none"
    group_id: str = ""
    command_ref: Ref | None = None


class Fill(Message, frozen=True, omit_defaults=True):
    """One execution; its price, size and fee follow from it and the records that it names.

    qty, price, notional, fee: decimal strings. cause: the quote, trade or bar that made it; order_ref: the command on
    `orders`; accepted_ref: the terms in force on `orders.accepted`; trigger_ref: what set its stop off. leg: counts the
    fills of the order; block: 0 the displayed size, j the j-th of the walk behind it. The book as used, in ticks and
    lots: bid, ask, bid_size, ask_size; left_before, left_after: of the size that this fill took from; queue_ahead: of a
    resting order, before the cause. latency_ns: between arrival and active_at. slippage_ticks: worse than the book.
    parent_id, group_id: as in OrderEvent. control_offset: of the instrument's record, -1 = not known.
    """

    fill_id: str
    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    qty: str
    price: str
    notional: str
    fee: str
    fee_rate: int
    liquidity: Literal["maker", "taker"]
    rule: str
    cause: Ref
    order_ref: Ref
    time: int
    active_at: int
    bid: int
    ask: int
    parent_id: str = ""
    strategy: str = ""
    leg: int = 0
    block: int = 0
    accepted_ref: Ref | None = None
    trigger_ref: Ref | None = None
    bid_size: int = 0
    ask_size: int = 0
    left_before: int = 0
    left_after: int = 0
    queue_ahead: int = 0
    latency_ns: int = 0
    slippage_ticks: int = 0
    group_id: str = ""
    mode: str = "sim"
    mode_epoch: int = 0
    prediction: PredictionRef | None = None
    control_offset: int = -1


class Position(Message, frozen=True, omit_defaults=True):
    """The position and cash of one account after one fill or deposit. All amounts: decimal strings.

    cost: money of the open quantity; gross: realised before fees; net = gross - fees. symbol "" for a cash movement
    and for the record of each minute in which a mark has moved the account. currency: of the amounts; equity and
    exposure (sum of |qty| x mark): in the account's base currency, "" where a mark or a rate is not known. open_orders:
    of the whole account.
    """

    account: str
    symbol: str
    qty: str
    average_price: str
    cost: str
    gross: str
    fees: str
    net: str
    cash: str
    reserved: str
    time: int
    fill_id: str = ""
    realised: str = "0"
    currency: str = ""
    equity: str = ""
    exposure: str = ""
    open_orders: int = 0


class DeadLetter(Message, frozen=True, omit_defaults=True):
    """Why a record could not be used, and the record itself.

    key, value, headers: as they were, at most 64 KiB of each; sha256, length: of the whole value.
    """

    origin: Ref
    timestamp_ms: int
    reason: str
    error: str
    sha256: str
    length: int
    key: bytes | None = None
    value: bytes | None = None
    group: str = ""
    headers: tuple[tuple[str, bytes], ...] = ()


class Replayed(Message, frozen=True, omit_defaults=True):
    """A dead letter that was sent again. letter: its place on `dead.letters`; to: where its record stands now.

    time: wall clock.
    """

    letter: Ref
    to: Ref
    by: str
    time: int
    note: str = ""
