"""Commands on `orders`: the strict JSON contract for everyone who sends an order, and its parser."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ID = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class StopLoss(_Strict):
    """The protective stop of a bracket; stop_price: decimal string."""

    stop_price: str


class TakeProfit(_Strict):
    """The profit target of a bracket; price: decimal string."""

    price: str


class Bracket(_Strict):
    """A stop-loss, and optionally a take-profit, that live once the entry has filled."""

    stop_loss: StopLoss
    take_profit: TakeProfit | None = None


class New(_Strict):
    """A new order. qty, price, stop_price: plain decimal strings; created_at: RFC 3339 UTC with Z."""

    v: Literal[1]
    cmd: Literal["new"]
    account: ID
    client_order_id: ID
    created_at: str
    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop"]
    qty: str
    price: str | None = None
    stop_price: str | None = None
    tif: Literal["GTC", "IOC", "FOK"] | None = None
    reduce_only: bool = False
    bracket: Bracket | None = None
    strategy: ID | None = None


class Cancel(_Strict):
    """A cancel. target: the client_order_id of the order; client_order_id names the cancel itself."""

    v: Literal[1]
    cmd: Literal["cancel"]
    account: ID
    client_order_id: ID
    created_at: str
    target: ID
    reason: str = Field(default="", max_length=128)


Command = Annotated[New | Cancel, Field(discriminator="cmd")]


@dataclass(frozen=True)
class Parsed:
    """An addressable command: who sent it under which id, its digest, and the command or why it is refused.

    digest: sha256 of the parsed tree with sorted keys. reason: "" for a good command, else the reason code.
    """

    account: str
    client_order_id: str
    digest: str
    command: New | Cancel | None
    reason: str = ""
    detail: str = ""


def decode(data: bytes) -> Parsed:
    """The command in the bytes of one record; `codec.Undecodable` when it is not addressable."""
    raise NotImplementedError
