"""Records on `control`: reference data, limits, cash and the kill switch, latched by every cell that reads them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from streams.codec import Undecodable
from streams.instruments import Instrument
from streams.orders import ID


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class InstrumentRecord(_Strict):
    """Key `instrument:{symbol}`."""

    kind: Literal["instrument"] = "instrument"
    instrument: Instrument


class Account(_Strict):
    """Key `account:{id}`. maker_rate, taker_rate: integers of 0.01 basis point."""

    kind: Literal["account"] = "account"
    account: ID
    type: Literal["cash", "margin"] = "cash"
    base_currency: str = "USD"
    mode: Literal["sim", "production"] = "sim"
    maker_rate: int = 1600
    taker_rate: int = 2600


class Limits(_Strict):
    """Key `limits:{account}`. Amounts: decimal strings of the base currency."""

    kind: Literal["limits"] = "limits"
    account: ID
    order_notional_max: str = "1500000"
    gross_exposure_max: str = "10000000"
    open_orders_max: int = Field(default=200, gt=0)


class Cash(_Strict):
    """Key `cash:{account}:{id}`: a deposit (> 0) or withdrawal (< 0), applied once by id. amount: decimal string."""

    kind: Literal["cash"] = "cash"
    account: ID
    id: ID
    currency: str
    amount: str


class Kill(_Strict):
    """Key `kill:{scope}`; scope `global`, `account:X` or `symbol:X`. Latched until a `resume` with a higher seq."""

    kind: Literal["kill"] = "kill"
    scope: str = Field(
        pattern=r"^(global|account:[A-Za-z0-9._:-]{1,64}|symbol:[A-Z0-9_/-]{1,24}\.[A-Z0-9_]{1,24})$"
    )
    action: Literal["kill", "resume"]
    reason: str = Field(min_length=1, max_length=200)
    seq: int = Field(gt=0)
    issuer: str = "operator"


Record = InstrumentRecord | Account | Limits | Cash | Kill
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def key(record: Record) -> str:
    """The key under which a record stands on `control`."""
    match record:
        case InstrumentRecord():
            return f"instrument:{record.instrument.symbol}"
        case Cash():
            return f"cash:{record.account}:{record.id}"
        case Kill():
            return f"kill:{record.scope}"
        case _:
            return f"{record.kind}:{record.account}"


def encode(record: Record) -> bytes:
    """JSON bytes of a record."""
    return record.model_dump_json().encode()


def decode(data: bytes) -> Record:
    """The record in these bytes; `Undecodable("CONTROL_INVALID")` when they hold none."""
    try:
        return _RECORD.validate_json(data)
    except (ValidationError, ValueError, RecursionError) as error:
        raise Undecodable("CONTROL_INVALID", str(error)) from error
