"""Commands on `orders`: the strict JSON contract for everyone who sends an order, and its parser."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streams import strict_json
from streams.codec import Undecodable
from streams.strict_json import printable

ID = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
Text = Annotated[str, Field(max_length=64)]
"""A decimal, a symbol or a time: checked by the field's own rule later, bounded here."""

ALL_ORDERS = "*"
PROTECTION_BPS = 100


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class StopLoss(_Strict):
    """The protective stop of a bracket; stop_price: decimal string."""

    stop_price: Text


class TakeProfit(_Strict):
    """The profit target of a bracket; price: decimal string."""

    price: Text


class Bracket(_Strict):
    """A stop-loss, and optionally a take-profit, that live once the entry has filled."""

    stop_loss: StopLoss
    take_profit: TakeProfit | None = None


class New(_Strict):
    """A new order. qty, price, stop_price: plain decimal strings; created_at: RFC 3339 UTC with Z.

    protection_bps: how much worse than the mark (a stop: than its stop price) a market or stop entry may fill.
    """

    v: Literal[1]
    cmd: Literal["new"]
    account: ID
    client_order_id: ID
    created_at: Text
    symbol: Text
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop"]
    qty: Text
    price: Text | None = None
    stop_price: Text | None = None
    tif: Literal["GTC", "IOC", "FOK"] | None = None
    reduce_only: bool = False
    protection_bps: Annotated[int, Field(ge=0, le=9999)] | None = None
    bracket: Bracket | None = None
    strategy: ID | None = None


class Cancel(_Strict):
    """A cancel. target: the client_order_id of the order, or `*` for all of the account (of `symbol`, if given).

    client_order_id names the cancel itself.
    """

    v: Literal[1]
    cmd: Literal["cancel"]
    account: ID
    client_order_id: ID
    created_at: Text
    target: ID | Literal["*"]
    symbol: Text | None = None
    reason: str = Field(default="", max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")

    @model_validator(mode="after")
    def _symbol_only_with_all(self) -> "Cancel":
        if self.symbol is not None and self.target != ALL_ORDERS:
            raise ValueError("symbol goes with target * only")
        return self


Command = Annotated[New | Cancel, Field(discriminator="cmd")]
_MODELS: dict[str, type[New | Cancel]] = {"new": New, "cancel": Cancel}


@dataclass(frozen=True, slots=True)
class Parsed:
    """An addressable command: who sent it under which id, its digest, and the command or why it is refused.

    digest: sha256 of the parsed tree with sorted keys. reason: "" for a good command, else the reason code.
    created_at: ns, 0 where unreadable. raw: the record's bytes, for a partition that has to send them on.
    """

    account: str
    client_order_id: str
    digest: str
    command: New | Cancel | None
    reason: str = ""
    detail: str = ""
    created_at: int = 0
    raw: bytes = b""


def encode(command: New | Cancel) -> bytes:
    """JSON bytes of a command, for those who send one."""
    return command.model_dump_json(exclude_none=True).encode()


def decode(data: bytes) -> Parsed:
    """The command in the bytes of one record; `codec.Undecodable` when it is not addressable."""
    tree = strict_json.load(data)
    account, client_order_id = _id(tree, "account"), _id(tree, "client_order_id")
    digest = hashlib.sha256(strict_json.canonical(tree)).hexdigest()
    try:
        command = _command(tree)
        created_at = nanoseconds(command.created_at)
    except _Refused as refused:
        return Parsed(
            account, client_order_id, digest, None, refused.reason, printable(refused.detail), raw=data
        )  # fmt: skip
    return Parsed(account, client_order_id, digest, command, created_at=created_at, raw=data)


class _Refused(Exception):
    """Addressable, but no command of this contract; never leaves `decode`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def _id(tree: dict[str, Any], name: str) -> str:
    value = tree.get(name)
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Undecodable("NO_ID", f"no valid {name}")
    return value


def _command(tree: dict[str, Any]) -> New | Cancel:
    version, name = tree.get("v"), tree.get("cmd")
    if type(version) is not int or version != 1:  # True == 1, so the type is asked for
        raise _Refused("BAD_VERSION", "v must be 1")
    if not isinstance(name, str):
        raise _Refused("BAD_FIELD", "cmd")
    if name not in _MODELS:
        raise _Refused("UNKNOWN_COMMAND", f"cmd {name} is not served")
    try:
        return _MODELS[name].model_validate(tree)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> _Refused:
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _Refused("UNKNOWN_FIELD", path)
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        if path == "type":
            return _Refused("UNKNOWN_TYPE", f"type {first['input']} is not served")
        if path == "tif":
            return _Refused("UNKNOWN_TIF", f"tif {first['input']} is not served")
    return _Refused("BAD_FIELD", f"{path}: {first['msg']}")


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_MIN = 2000


def nanoseconds(text: str) -> int:
    """Event time in ns of an RFC 3339 time in UTC with Z and at most 9 decimals."""
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) < YEAR_MIN:
        raise _Refused("BAD_TIME", f"created_at {text}")
    year, month, day, hour, minute, second = (int(match[part]) for part in range(1, 7))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise _Refused("BAD_TIME", f"created_at {text}: {error}") from error
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int((match[7] or "").ljust(9, "0"))


def time_text(time_ns: int) -> str:
    """The `created_at` of an event time in ns; `nanoseconds` undoes it."""
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
