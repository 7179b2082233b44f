"""What the live view shows, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """The mark of one symbol; prices as decimal text, "" for none. status: the mark's own."""

    symbol: str
    bid: str
    ask: str
    last: str
    status: str


@dataclass(frozen=True)
class Holding:
    """The position of one account in one symbol; amounts as decimal text. unrealised: None without a mark."""

    account: str
    symbol: str
    quantity: str
    average_price: str
    realised: str
    unrealised: str | None
    fees: str


@dataclass(frozen=True)
class Flow:
    """What went through the engine since its worker started. Rates a second; hops in seconds."""

    events: int = 0
    events_per_second: float = 0.0
    orders: int = 0
    fills: int = 0
    dead_letters: int = 0
    lag_records: int = 0
    hop_p50: float | None = None
    hop_p99: float | None = None


@dataclass(frozen=True)
class Version:
    """How one version of a model does. role: champion, challenger, shadow or baseline.

    brier, kappa_t: over the last labels that do not overlap; None before there are any. evidence, threshold: E and
    what it must reach, of a candidate.
    """

    model: str
    name: str
    role: str
    brier: float | None = None
    kappa_t: float | None = None
    evidence: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Figures:
    """One look at the system. stale: the parts that did not answer lately, whose figures are old or missing.

    gate: settings of the promotion gate that are not its own, and what it said last.
    """

    markets: tuple[Market, ...] = ()
    holdings: tuple[Holding, ...] = ()
    flow: Flow = Flow()
    rejected: int = 0
    open_orders: int = 0
    cash: tuple[tuple[str, str], ...] = ()
    sink_rows: int = 0
    sink_lag_records: int = 0
    feed: str = ""
    feed_sent: int = 0
    feed_connected: bool = False
    api_url: str = ""
    api_token: str = ""
    stale: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()
    gate: str = ""
