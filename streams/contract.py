"""The commands on `orders` as pydantic models: the contract for everyone who sends an order, and its JSON Schema.

Quantities, prices and other decimals are *strings*; what a string means is checked against the instrument, by risk.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.messages import OrderType, Side, TimeInForce, Trigger

NAME = r"[A-Za-z0-9._:-]{1,64}"
"""What an account or an order may be called."""

ID = Annotated[str, Field(pattern=rf"^{NAME}$")]
EXIT = r"(/sl|/tp)?"
"""A bracket's exits are named after their entry."""

Text = Annotated[str, Field(max_length=64)]
"""A decimal, a symbol or a time: checked by the field's own rule later, bounded here."""

Number = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$")]
"""A plain decimal that no money depends on."""

Reason = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]

ALL_ORDERS = "*"
PROTECTION_BPS = 100


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _one_of(*names: str) -> ConfigDict:
    """Exactly one of these fields is given: the same rule for the JSON Schema."""
    extra: dict[str, Any] = {"oneOf": [{"required": [name]} for name in names]}
    return ConfigDict(frozen=True, strict=True, extra="forbid", json_schema_extra=extra)


class Trail(_Strict):
    """The distance of a trailing stop from the best price since its activation: in ticks or in basis points."""

    model_config = _one_of("ticks", "bps")

    ticks: int | None = Field(default=None, gt=0, le=10**9)
    bps: int | None = Field(default=None, gt=0, lt=10_000)

    @model_validator(mode="after")
    def _has_one(self) -> "Trail":
        if (self.ticks is None) == (self.bps is None):
            raise ValueError("exactly one of ticks and bps")
        return self


class StopLoss(_Strict):
    """The protective stop of a bracket; stop_price: decimal string, or trail: it follows the market."""

    model_config = _one_of("stop_price", "trail")

    stop_price: Text | None = None
    trail: Trail | None = None
    trigger: Trigger | None = None

    @model_validator(mode="after")
    def _has_one(self) -> "StopLoss":
        if (self.stop_price is None) == (self.trail is None):
            raise ValueError("exactly one of stop_price and trail")
        return self


class TakeProfit(_Strict):
    """The profit target of a bracket; price: decimal string."""

    price: Text


class Bracket(_Strict):
    """A stop-loss, and optionally a take-profit, that live once the entry has filled."""

    stop_loss: StopLoss
    take_profit: TakeProfit | None = None


class Group(_Strict):
    """Orders that end together (oco) or shrink together (ouo) under one id, or one armed by a parent's fills (oto).

    parent: client_order_id of a live order of the same account and symbol.
    """

    model_config = _one_of("id", "parent")

    kind: Literal["oco", "ouo", "oto"]
    id: ID | None = None
    parent: ID | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Group":
        if (self.kind == "oto", self.kind != "oto") != (
            self.parent is not None,
            self.id is not None,
        ):
            raise ValueError("oto takes parent, oco and ouo take id")
        return self


class Sizing(_Strict):
    """How risk sizes an order in place of a quantity.

    nav_bps: at most this share of NAV. vol: yearly volatility as a fraction, absent where unknown. edge_bps: expected
    return before costs.
    """

    nav_bps: int = Field(gt=0, le=10_000)
    vol: Number | None = None
    edge_bps: Number


class Prediction(_Strict):
    """The prediction that an order acts on. p: P(up) as served; edge_bps: expected return before costs."""

    topic: Text
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    model: Text
    version: Text
    p: Number
    edge_bps: Number


class New(_Strict):
    """A new order. qty, price, stop_price: plain decimal strings; created_at, expire_at: RFC 3339 UTC with Z.

    protection_bps: how much worse than the mark (a stop: than its stop price) a market or stop entry may fill.
    """

    v: Literal[1]
    cmd: Literal["new"]
    account: ID
    client_order_id: ID
    created_at: Text
    symbol: Text
    side: Side
    type: OrderType
    qty: Text | None = None
    sizing: Sizing | None = None
    price: Text | None = None
    stop_price: Text | None = None
    trail: Trail | None = None
    trigger: Trigger | None = None
    tif: TimeInForce | None = None
    expire_at: Text | None = None
    post_only: bool = False
    reduce_only: bool = False
    protection_bps: int | None = Field(default=None, ge=0, lt=10_000)
    bracket: Bracket | None = None
    group: Group | None = None
    strategy: ID | None = None
    prediction: Prediction | None = None


class Cancel(_Strict):
    """A cancel. target: the client_order_id of the order, or `*` for all of the account (of `symbol`, if given).

    client_order_id names the cancel itself.
    """

    v: Literal[1]
    cmd: Literal["cancel"]
    account: ID
    client_order_id: ID
    created_at: Text
    target: Annotated[str, Field(pattern=rf"^({NAME}{EXIT}|\*)$")]
    symbol: Text | None = None
    reason: Reason = ""

    @model_validator(mode="after")
    def _symbol_only_with_all(self) -> "Cancel":
        if self.symbol is not None and self.target != ALL_ORDERS:
            raise ValueError("symbol goes with target * only")
        return self


class Replace(_Strict):
    """Other terms for a live order; what is absent stays. qty: the new total, what is filled included."""

    v: Literal[1]
    cmd: Literal["replace"]
    account: ID
    client_order_id: ID
    created_at: Text
    target: Annotated[str, Field(pattern=rf"^{NAME}{EXIT}$")]
    qty: Text | None = None
    price: Text | None = None
    stop_price: Text | None = None
    trail: Trail | None = None
    reason: Reason = ""

    @model_validator(mode="after")
    def _changes_something(self) -> "Replace":
        if (self.qty, self.price, self.stop_price, self.trail) == (None, None, None, None):
            raise ValueError("one of qty, price, stop_price and trail")
        return self


Command = New | Cancel | Replace
