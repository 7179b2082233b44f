"""Records on `control`: reference data, limits, cash and the kill switch, latched by every cell that reads them."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from streams import money, strict_json
from streams.codec import Undecodable
from streams.instruments import SYMBOL, Instrument
from streams.orders import ID
from streams.strict_json import printable

AMOUNT_MAX = 10**15
"""Currency units; no amount of an account reaches it, so sums stay within SQL's numeric(38,18)."""

RATE_MAX = 100_000
"""10 percent, in 0.01 basis points: a fee beyond it is a slip of the pen."""


def _amount(text: str) -> str:
    if not abs(money.parse(text)) < AMOUNT_MAX * money.UNIT:
        raise ValueError(f"an amount must be smaller than {AMOUNT_MAX}")
    return text


def _not_negative(text: str) -> str:
    if not money.parse(text) >= 0:
        raise ValueError("must not be negative")
    return text


Amount = Annotated[str, AfterValidator(_amount)]
Limit = Annotated[Amount, AfterValidator(_not_negative)]
Currency = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
Rate = Annotated[int, Field(ge=-RATE_MAX, le=RATE_MAX)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _usable(instrument: Instrument) -> Instrument:
    for amount in (instrument.min_notional, instrument.max_notional):
        _not_negative(_amount(amount))
    return instrument


class InstrumentRecord(_Strict):
    """Key `instrument:{symbol}`."""

    kind: Literal["instrument"] = "instrument"
    instrument: Annotated[Instrument, AfterValidator(_usable)]


class Account(_Strict):
    """Key `account:{id}`. maker_rate, taker_rate: integers of 0.01 basis point.

    mode: orders pass in mode `sim` alone; a missing or unknown mode is refused order by order, by name.
    """

    kind: Literal["account"] = "account"
    account: ID
    type: Literal["cash", "margin"] = "cash"
    base_currency: Currency = "USD"
    mode: str = Field(default="", max_length=32)
    maker_rate: Rate = 1600
    taker_rate: Rate = 2600


class Limits(_Strict):
    """Key `limits:{account}`. Amounts: decimal strings of the base currency."""

    kind: Literal["limits"] = "limits"
    account: ID
    order_notional_max: Limit = "1500000"
    gross_exposure_max: Limit = "10000000"
    open_orders_max: int = Field(default=200, gt=0)
    symbol_open_orders_max: int = Field(default=50, gt=0)

    @cached_property
    def order_notional_units(self) -> int:
        """Money units of the largest order."""
        return money.parse(self.order_notional_max)

    @cached_property
    def gross_exposure_units(self) -> int:
        """Money units of the largest gross exposure, open orders included."""
        return money.parse(self.gross_exposure_max)


class Cash(_Strict):
    """Key `cash:{account}:{id}`: a deposit (> 0) or withdrawal (< 0), applied once by id. amount: decimal string."""

    kind: Literal["cash"] = "cash"
    account: ID
    id: ID
    currency: Currency
    amount: Amount


class Kill(_Strict):
    """Key `kill:{scope}`. Latched until a `resume` with a higher seq.

    scope: `global`, `account:X`, `symbol:X` or `strategy:X`.
    """

    kind: Literal["kill"] = "kill"
    scope: str = Field(
        pattern=rf"^(global|(account|strategy):[A-Za-z0-9._:-]{{1,64}}|symbol:{SYMBOL.pattern})$"
    )
    action: Literal["kill", "resume"]
    reason: str = Field(min_length=1, max_length=200)
    seq: int = Field(gt=0)
    issuer: str = Field(default="operator", max_length=64)


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
        return _RECORD.validate_python(strict_json.load(data))
    except Undecodable as error:
        raise Undecodable("CONTROL_INVALID", str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise Undecodable("CONTROL_INVALID", printable(f"{path}: {first['msg']}")) from error
