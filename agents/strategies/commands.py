"""What a strategy answers, in ticks and lots, and its translation into the public contract of `orders`."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from pydantic import ValidationError

from streams import orders
from streams.instruments import Instrument
from streams.messages import OrderType, PredictionRef, Side, TimeInForce

Lots = Annotated[int, Meta(gt=0, le=10**12)]
Ticks = Annotated[int, Meta(ge=0, le=10**15)]
Time = Annotated[int, Meta(ge=0, le=2**62)]
Bps = Annotated[int, Meta(ge=0, lt=10_000)]


class Order(msgspec.Struct, frozen=True):
    """A new order of the symbol in question. qty: lots; prices, trails: ticks; expire_at: ns, with GTD. 0 = not given.

    reduce_only: it closes what is open and never opens; any other order is an entry. stop_loss or stop_loss_trail, and
    take_profit: exits that live once the entry has filled.
    """

    side: Side
    qty: Lots
    type: OrderType = "market"
    price: Ticks = 0
    stop_price: Ticks = 0
    trail: Ticks = 0
    tif: TimeInForce | None = None
    expire_at: Time = 0
    post_only: bool = False
    reduce_only: bool = False
    protection_bps: Bps | None = None
    stop_loss: Ticks = 0
    stop_loss_trail: Ticks = 0
    take_profit: Ticks = 0


class Cancel(msgspec.Struct, frozen=True):
    """A cancel of an own order. target: its client_order_id, see `Moment.order_id`."""

    target: str


class Sender(msgspec.Struct, frozen=True):
    """Who sends, for which symbol and when (created_at: ns of event time), and the prediction that is acted on."""

    account: str
    strategy: str
    instrument: Instrument
    created_at: int
    prediction: PredictionRef | None = None


class BadAnswer(ValueError):
    """An answer that cannot be sent; the message says why."""


def encode(command: Order | Cancel, client_order_id: str, sender: Sender) -> bytes:
    """The command as it stands on `orders`, checked against the contract that every sender has. Raises BadAnswer."""
    header = {
        "v": 1,
        "account": sender.account,
        "client_order_id": client_order_id,
        "created_at": orders.time_text(sender.created_at),
    }
    try:
        match command:
            case Order():
                fields = _fields(_checked(command), sender.instrument) | _origin(sender)
                return orders.encode(orders.New.model_validate(header | {"cmd": "new"} | fields))
            case Cancel(target):
                fields = {"cmd": "cancel", "target": target}
                return orders.encode(orders.Cancel.model_validate(header | fields))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadAnswer(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    raise BadAnswer(f"{type(command).__name__} is neither an Order nor a Cancel")


def _origin(sender: Sender) -> dict[str, Any]:
    """What an order says of where it comes from."""
    origin: dict[str, Any] = {"symbol": sender.instrument.symbol, "strategy": sender.strategy}
    acted_on = sender.prediction
    if acted_on is not None:
        numbers = {name: f"{getattr(acted_on, name) or 0.0:.6f}" for name in ("p", "edge_bps")}
        origin["prediction"] = msgspec.structs.asdict(acted_on) | numbers
    return origin


def _checked(order: Order) -> Order:
    """The order with the types and ranges that its fields declare, which Python itself does not look at."""
    try:
        return msgspec.convert(msgspec.structs.asdict(order), Order)
    except msgspec.ValidationError as error:
        raise BadAnswer(str(error)) from error


def _fields(order: Order, instrument: Instrument) -> dict[str, Any]:
    """The fields of a new order that its numbers make; what is not given is left out."""
    fields: dict[str, Any] = {
        "side": order.side,
        "type": order.type,
        "qty": instrument.qty_text(order.qty),
        "price": instrument.price_text(order.price) if order.price else None,
        "stop_price": instrument.price_text(order.stop_price) if order.stop_price else None,
        "trail": {"ticks": order.trail} if order.trail else None,
        "tif": order.tif,
        "expire_at": orders.time_text(order.expire_at) if order.expire_at else None,
        "post_only": order.post_only or None,
        "reduce_only": order.reduce_only or None,
        "protection_bps": order.protection_bps,
        "bracket": _bracket(order, instrument) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _bracket(order: Order, instrument: Instrument) -> dict[str, Any]:
    bracket: dict[str, Any] = {}
    if order.stop_loss:
        bracket["stop_loss"] = {"stop_price": instrument.price_text(order.stop_loss)}
    if order.stop_loss_trail:
        bracket.setdefault("stop_loss", {})["trail"] = {"ticks": order.stop_loss_trail}
    if order.take_profit:
        bracket["take_profit"] = {"price": instrument.price_text(order.take_profit)}
    return bracket
