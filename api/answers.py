"""What the API answers with, as pydantic models: the OpenAPI document is made of them.

Amounts are decimal strings, times RFC 3339 UTC; `offset` and `partition` name places in the log.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["RUNNING", "RECOVERING", "DEGRADED", "UNKNOWN"]


class Shown(BaseModel):
    """Base of all answers; built from trusted messages."""

    model_config = ConfigDict(frozen=True)


class Place(Shown):
    """A record in the log."""

    topic: str
    partition: int
    offset: int


class Process(Shown):
    """A process with an ops port. status: what it says of itself."""

    url: str
    reachable: bool
    status: dict[str, Any] | None


class Status(Shown):
    """The system as of the last look, at most two seconds ago. lag: records by topic and consumer group."""

    profile: str
    simulation: bool
    state: State
    killed: list[str] = Field(description="scopes whose kill switch is engaged")
    open_breakers: int | None
    processes: list[Process]
    log: Literal["reachable", "unreachable"]
    lag: dict[str, dict[str, int]] | None
    feed_sources: dict[str, int] | None


class PartitionOffsets(Shown):
    partition: int
    begin: int
    end: int
    groups: dict[str, dict[str, int]]


class Topics(Shown):
    """rates: offsets written a second since the look before; transaction markers count too."""

    topics: dict[str, list[PartitionOffsets]]
    rates: dict[str, float]
    age_seconds: float


class Position(Shown):
    """mark, unrealised: at the mid of the present mark, null where there is none."""

    account: str
    symbol: str
    qty: str
    average_price: str
    cost: str
    gross: str
    fees: str
    net: str
    realised: str
    mark: str | None = None
    unrealised: str | None = None
    fill_id: str
    time: str


class Account(Shown):
    account: str
    cash: str
    reserved: str
    time: str


class Listed(Shown):
    """source: the store that answered. as_of: by `topic/partition`, the first offset not reflected in the answer."""

    source: str = Field(description="latest or history")
    as_of: dict[str, int]


class Positions(Listed):
    positions: list[Position]
    accounts: list[Account]


class AccountDetail(Listed):
    account: Account
    positions: list[Position]
    limits: dict[str, Any] | None = Field(description="the limits record in force")


class Order(Shown):
    order_id: str
    client_order_id: str
    account: str
    symbol: str
    type: str
    side: str
    state: str
    qty: str
    filled: str
    remaining: str
    price: str | None
    stop_price: str | None
    parent_id: str | None
    reason: str
    revision: int
    time: str
    cause: Place


class Orders(Listed):
    orders: list[Order]


class Decision(Shown):
    decision_id: str
    kind: str
    outcome: str
    reason: str
    detail: str
    account: str
    client_order_id: str
    order_id: str
    symbol: str
    time: str
    command: Place
    at: Place | None = None


class Fill(Shown):
    fill_id: str
    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: str
    qty: str
    price: str
    notional: str
    fee: str
    liquidity: str
    rule: str
    strategy: str
    time: str
    cause: Place
    order: Place
    at: Place | None = None


class OrderStep(Order):
    """One event of an order's life. at: where it stands in the log."""

    at: Place | None = None


class OrderLife(Shown):
    """All of one command: decisions, events and fills, each with its place and that of its cause."""

    account: str
    client_order_id: str
    order_id: str
    state: str
    decisions: list[Decision]
    events: list[OrderStep]
    fills: list[Fill]


class Fills(Shown):
    fills: list[Fill]


class AuditEntry(Shown):
    seq: int
    time: str
    actor: str
    action: str
    subject: str
    before: str
    after: str
    at: Place
    prev_hash: str
    hash: str


class Audit(Shown):
    """What was commanded on control, newest first, each entry chained to the one before by its hash."""

    entries: list[AuditEntry]


class Rejections(Shown):
    rejections: list[Decision]


class Mark(Shown):
    symbol: str
    bid: str | None
    ask: str | None
    last: str | None
    mid: str | None
    status: str
    breaker: str
    source: str
    time: str


class Marks(Listed):
    marks: list[Mark]


class Prediction(Shown):
    """p: of a rise over the horizon; abstain: why there is none. outputs: of all versions, the challengers' too."""

    prediction_id: str
    symbol: str
    model: str
    version: str
    p: float | None
    abstain: str
    learned: int
    outputs: list[dict[str, Any]]
    time: str
    at: Place | None = None


class Predictions(Shown):
    predictions: list[Prediction]


class ModelScore(Shown):
    """Of the labels of the last hour of events. base_rate: share of rises among them."""

    model: str
    spec: str
    labelled: int
    judged: int
    base_rate: float | None
    brier: float | None
    logloss: float | None
    accuracy: float | None


class ModelVersion(Shown):
    """role: the champion is the one served. predictions: of the newest thousand, how many it answered."""

    model: str
    version: str
    role: Literal["champion", "challenger"]
    predictions: int
    learned: int


class Models(Shown):
    versions: list[ModelVersion]
    scores: list[ModelScore]


class DeadLetter(Shown):
    origin: Place
    time: str
    reason: str
    error: str
    group: str
    length: int
    sha256: str
    value_base64: str | None = Field(default=None, description="with the scope operate alone")


class DeadLetters(Shown):
    dead_letters: list[DeadLetter]


class Switch(Shown):
    scope: str
    engaged: bool
    reason: str
    issuer: str
    seq: int
    time: str
    at: Place


class KillSwitch(Shown):
    switches: list[Switch]


class Limits(Shown):
    limits: list[dict[str, Any]]


class Breaker(Shown):
    """cause: the record that opened it."""

    symbol: str
    name: str
    cause: Place


class Breakers(Listed):
    breakers: list[Breaker]


class Bar(Shown):
    """time: seconds since 1970 of its start, as charts want it. volume: base units."""

    time: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int


class Bars(Shown):
    symbol: str
    interval: str
    bars: list[Bar]


class Run(Shown):
    run_id: str
    kind: str
    state: str
    started_at: str
    heartbeat_at: str
    ended_at: str | None
    error: str
    config: dict[str, Any]
    result: dict[str, Any] | None


class Runs(Shown):
    replays: list[Run]


class Fault(Shown):
    parameter: str | None = None
    pointer: str | None = None
    detail: str


class ProblemDocument(Shown):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: list[Fault] | None = None
