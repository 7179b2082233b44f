"""Records on `control`: reference data, limits, cash and the kill switch, latched by every cell that reads them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from streams import money, strict_json
from streams.codec import Undecodable
from streams.contract import ID
from streams.instruments import SYMBOL, Instrument
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
Share = Annotated[int, Field(ge=0, le=10**12)]


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
    """Key `account:{id}`.

    mode: `sim` or `production`; a missing or unknown one is refused order by order, by name. fees: its fee schedule;
    maker_rate, taker_rate: integers of 0.01 basis point, in place of the schedule's. watchdog: who looks at entries.
    """

    kind: Literal["account"] = "account"
    account: ID
    type: Literal["cash", "margin"] = "cash"
    base_currency: Currency = "USD"
    mode: str = Field(default="", max_length=32)
    fees: ID = "kraken"
    maker_rate: Rate | None = None
    taker_rate: Rate | None = None
    watchdog: Literal["off", "rules", "review"] = "off"
    enabled: bool = True


class FeeTier(_Strict):
    """From so much notional traded in 30 days on (`from`, decimal string): rates in 0.01 basis point."""

    least: Limit = Field(alias="from")
    maker: Rate
    taker: Rate


class Fees(_Strict):
    """Key `fees:{name}`. tiers: from 0 on, rising. confirm: rates that differ by 2 bp or more from those in force."""

    kind: Literal["fees"] = "fees"
    name: ID
    tiers: tuple[FeeTier, ...] = Field(min_length=1, max_length=100, strict=False)
    confirm: bool = False

    @model_validator(mode="after")
    def _rises_from_zero(self) -> "Fees":
        steps = [money.parse(tier.least) for tier in self.tiers]
        if steps[0] != 0 or sorted(set(steps)) != steps:
            raise ValueError("tiers must start at 0 and rise")
        return self


class SymbolLimits(_Strict):
    """Of one symbol of an account. Decimal strings: position_max of base units, order_notional_max of base currency."""

    position_max: Limit | None = None
    order_notional_max: Limit | None = None


class Limits(_Strict):
    """Key `limits:{account}`: a shipped profile, and what differs from it; None = as the profile has it.

    *_max: decimal strings of the base currency; *_bps: shares of the NAV in basis points, but for spread_bps and
    correlation_bps (8,500 = a correlation of 0.85). loss and fees: of a UTC day. rate_per_s, rate_burst: entries.
    bracket_required: entries without a protective stop are refused. flatten: a latch closes positions too.
    """

    kind: Literal["limits"] = "limits"
    account: ID
    profile: Literal["default", "house", "careful", "active"] = "default"
    loss_max: Limit | None = None
    loss_bps: Share | None = None
    drawdown_bps: Share | None = None
    fees_max: Limit | None = None
    order_notional_max: Limit | None = None
    order_notional_bps: Share | None = None
    symbol_bps: Share | None = None
    cluster_bps: Share | None = None
    gross_bps: Share | None = None
    gross_exposure_max: Limit | None = None
    cvar_bps: Share | None = None
    var95_max: Limit | None = None
    var99_max: Limit | None = None
    bracket_loss_bps: Share | None = None
    spread_bps: Share | None = None
    stale_ms: int | None = Field(default=None, gt=0)
    cooldown_minutes: int | None = Field(default=None, ge=0)
    correlation_bps: int | None = Field(default=None, gt=0, le=10_000)
    bars: int | None = Field(default=None, ge=60, le=250)
    open_orders_max: int | None = Field(default=None, gt=0)
    symbol_open_orders_max: int | None = Field(default=None, gt=0)
    rate_per_s: int | None = Field(default=None, gt=0)
    rate_burst: int | None = Field(default=None, gt=0)
    bracket_required: bool = False
    flatten: bool = False
    symbols: dict[str, SymbolLimits] = {}


class Resume(_Strict):
    """Key `resume:{account}`: lifts latches that no new day lifts, once by a seq higher than the last."""

    kind: Literal["resume"] = "resume"
    account: ID
    reason: str = Field(min_length=1, max_length=200)
    seq: int = Field(gt=0)
    issuer: str = Field(default="operator", max_length=64)


class Reset(_Strict):
    """Key `reset:{symbol}`: closes the symbol's circuit breakers; what is still wrong opens them again."""

    kind: Literal["reset"] = "reset"
    symbol: str = Field(pattern=rf"^{SYMBOL.pattern}$")
    reason: str = Field(min_length=1, max_length=200)
    issuer: str = Field(default="operator", max_length=64)


class Cash(_Strict):
    """Key `cash:{account}:{id}`: a deposit (> 0) or withdrawal (< 0), applied once by id. amount: decimal string."""

    kind: Literal["cash"] = "cash"
    account: ID
    id: ID
    currency: Currency
    amount: Amount


class Review(_Strict):
    """Key `review:{order_id}`: the verdict on an order that waits for one."""

    kind: Literal["review"] = "review"
    order_id: str = Field(pattern=r"^[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,18}$")
    verdict: Literal["approve", "veto"]
    reviewer: str = Field(min_length=1, max_length=64)
    reason: str = Field(default="", max_length=200)


class Kill(_Strict):
    """Key `kill:{scope}`. Latched until a `resume` with a higher seq.

    scope: `global`, `account:X`, `symbol:X` or `strategy:X`. flatten: positions are closed too; they belong to
    accounts and symbols, so a strategy's kill cannot.
    """

    kind: Literal["kill"] = "kill"
    scope: str = Field(
        pattern=rf"^(global|(account|strategy):[A-Za-z0-9._:-]{{1,64}}|symbol:{SYMBOL.pattern})$"
    )
    action: Literal["kill", "resume"]
    reason: str = Field(min_length=1, max_length=200)
    seq: int = Field(gt=0)
    issuer: str = Field(default="operator", max_length=64)
    flatten: bool = False

    @model_validator(mode="after")
    def _flattens_what_it_can(self) -> "Kill":
        if self.flatten and (self.action != "kill" or self.scope.startswith("strategy:")):
            raise ValueError("flatten goes with a kill of global, account or symbol")
        return self


Record = InstrumentRecord | Account | Limits | Fees | Cash | Review | Kill | Resume | Reset
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
        case Fees():
            return f"fees:{record.name}"
        case Review():
            return f"review:{record.order_id}"
        case Reset():
            return f"reset:{record.symbol}"
        case _:
            return f"{record.kind}:{record.account}"


def encode(record: Record) -> bytes:
    """JSON bytes of a record."""
    return record.model_dump_json(by_alias=True).encode()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes on `control` that hold no record: the cells that obey them close the scope of their key."""

    reason: str
    detail: str


Read = Record | Unreadable


def read(data: bytes) -> Read:
    """The record in these bytes, or why they hold none."""
    try:
        return decode(data)
    except Undecodable as error:
        return Unreadable(error.reason, error.detail)


def decode(data: bytes) -> Record:
    """The record in these bytes; `Undecodable("CONTROL_INVALID")` when they hold none.

    An instrument of a kind that is not served is INSTRUMENT_KIND_UNSUPPORTED.
    """
    try:
        return _RECORD.validate_python(strict_json.load(data))
    except Undecodable as error:
        raise Undecodable("CONTROL_INVALID", str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        unsupported = path == "instrument.instrument.kind" and first["type"] == "literal_error"
        reason = "INSTRUMENT_KIND_UNSUPPORTED" if unsupported else "CONTROL_INVALID"
        raise Undecodable(reason, printable(f"{path}: {first['msg']}")) from error


def scope(of: str) -> str:
    """What a record that cannot be read may concern, by its key: a scope of the kill switch, or `fees:{name}`.

    "" for a review, which times out when it is not understood; a key that says nothing concerns everything.
    """
    kind, _, name = of.partition(":")
    if kind in ("account", "limits", "cash") and name:
        return f"account:{name.partition(':')[0]}"
    if kind in ("instrument", "reset") and name:
        return f"symbol:{name}"
    if kind == "fees" and name:
        return of
    if kind == "kill" and name.partition(":")[0] in ("account", "symbol", "strategy"):
        return name
    return "" if kind == "review" else "global"
