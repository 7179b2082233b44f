"""The messages as they were in version 1: the readers of the version before this one, kept to read the new bytes."""

from typing import Literal

import msgspec

from streams.ids import Ref

Side = Literal["buy", "sell"]
State = Literal[
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
    """One public trade. price: ticks; size: lots; side: the aggressor's, "" when the venue does not tell."""

    symbol: str
    price: int
    size: int
    time: int
    received: int
    trade_id: int
    source: str
    side: Literal["buy", "sell", ""] = ""


class Quote(Message, frozen=True, gc=False, omit_defaults=True):
    """Best bid and ask. Prices in ticks, sizes in lots, 0 = that side is absent.

    flags: "" a change; "repeat" the standing quote written again while the venue lives; "stale" the venue is silent.
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
    flags: Literal["", "repeat", "stale"] = ""


class Mark(Message, frozen=True, gc=False, omit_defaults=True):
    """The conflated price of a symbol, with the quote or trade that made it.

    bid, ask, last: ticks, 0 = none; mid2: mid in half ticks.
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


class Accepted(Message, frozen=True, omit_defaults=True):
    """An order after risk, for the broker. qty: lots; prices: ticks, 0 = none.

    protection: the worst price in ticks at which a market entry may fill, 0 = none. reserved: money units (10**-18) as
    a decimal string of the quote currency. maker_rate, taker_rate: integers of 0.01 bp.
    """

    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    type: Literal["market", "limit", "stop"]
    tif: Literal["GTC", "IOC", "FOK"]
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


class CancelAccepted(Message, frozen=True, omit_defaults=True):
    """A cancel after risk, for the broker. reason: "CLIENT" or "KILLED"."""

    order_id: str
    account: str
    symbol: str
    command_ref: Ref
    reason: str
    time: int


class ToBroker(Message, frozen=True, omit_defaults=True):
    """What `orders.accepted` carries: exactly one of its fields."""

    order: Accepted | None = None
    cancel: CancelAccepted | None = None


class Decision(Message, frozen=True, omit_defaults=True):
    """What risk decided on one command, with the inputs it used.

    kind: what was commanded. outcome `duplicate` repeats the first outcome and has no other effect. marks: the marks
    consulted as (symbol, offset of its cause record, mid2 in half ticks).
    """

    decision_id: str
    kind: Literal["new", "cancel", "control", "unreadable"]
    outcome: Literal["accepted", "rejected", "duplicate", "applied", "forwarded"]
    account: str
    command_ref: Ref
    time: int
    client_order_id: str = ""
    order_id: str = ""
    symbol: str = ""
    reason: str = ""
    detail: str = ""
    reserved: str = ""
    marks: tuple[tuple[str, Ref, int], ...] = ()
    control_offset: int = -1


class OrderEvent(Message, frozen=True, omit_defaults=True):
    """One step of an order's life after acceptance. rev: 1.. without gaps; quantities and prices: decimal strings."""

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


class Fill(Message, frozen=True, omit_defaults=True):
    """One execution. qty, price, notional, fee: decimal strings; cause: the quote or trade that made it."""

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


class Position(Message, frozen=True, omit_defaults=True):
    """The position and cash of one account after one fill or deposit. All amounts: decimal strings.

    cost: money of the open quantity; gross: realised before fees; net = gross - fees. symbol "" for a cash movement.
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


class Features(Message, frozen=True, omit_defaults=True):
    """One feature vector as served.

    vector: packed little-endian float64; ready: bit i = feature i; mid2: mid in half ticks.
    """

    symbol: str
    time: int
    sequence: int
    set: str
    set_hash: str
    ready: int
    bid: int
    ask: int
    mid2: int
    gap_ms: int
    vector: bytes
    quote_ref: Ref
    trade_ref: Ref | None = None


class Answer(Message, frozen=True, omit_defaults=True):
    """One version's output on one vector: p = P(up), or the reason it abstains."""

    version: str
    p: float | None = None
    abstain: str = ""
    learned: int = 0


class Prediction(Message, frozen=True, omit_defaults=True):
    """All outputs of a model on one vector; `served` is the champion's."""

    prediction_id: str
    symbol: str
    model: str
    time: int
    bid: int
    ask: int
    mid2: int
    served: Answer
    features_ref: Ref
    outputs: tuple[Answer, ...] = ()
    volatility_bps: float = 0.0


class Label(Message, frozen=True, omit_defaults=True):
    """The end state of one pending label. r_bps: return over the horizon in basis points."""

    prediction_id: str
    symbol: str
    model: str
    spec: str
    state: Literal["labelled", "flat", "censored", "expired", "overflow"]
    time: int
    known_at: int
    y: int | None = None
    r_bps: float | None = None
    p: float | None = None


class DeadLetter(Message, frozen=True, omit_defaults=True):
    """Why a record could not be used, and the record itself. value: the original bytes, at most 64 KiB of them."""

    origin: Ref
    timestamp_ms: int
    reason: str
    error: str
    sha256: str
    length: int
    key: bytes | None = None
    value: bytes | None = None
    group: str = ""
