"""What is learned and said of it: vectors, predictions, labels, examples, versions of models and their aliases."""

from typing import Literal

from streams.ids import Ref
from streams.messages import Message


class Features(Message, frozen=True, omit_defaults=True):
    """One feature vector as served.

    vector: packed little-endian float64; ready: bit i = feature i; mid2: mid in half ticks; mid2_min, mid2_max: of the
    mids since the record before, its own included; 0 = not told.
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
    mid2_min: int = 0
    mid2_max: int = 0


class Answer(Message, frozen=True, omit_defaults=True):
    """One version's output on one vector: p = P(up), or the reason it abstains.

    learned: how many examples it had learned; with the version it names the exact state of an online one.
    """

    version: str
    p: float | None = None
    abstain: str = ""
    learned: int = 0
    role: Literal["champion", "challenger", "shadow"] = "shadow"


class Score(Message, frozen=True, omit_defaults=True):
    """How a version's logged outputs did over its last `labels` labels, at most some 1,000. None: no denominator.

    expected: mean of max(p, 1 - p), which a calibrated version's accuracy equals. kappa_t: skill against the last
    known label; kappa_m: against the majority.
    """

    version: str
    labels: int
    logloss: float
    brier: float
    accuracy: float
    expected: float
    ece: float
    kappa_t: float | None = None
    kappa_m: float | None = None


class Prediction(Message, frozen=True, omit_defaults=True):
    """All outputs of a model on one vector.

    served: what may be acted on, the champion's answer or on canary the challenger's; without version where this lane
    serves nothing. It may abstain where `outputs` has a p: such a p is scored, not acted on. edge_bps: (2p - 1) times
    the mean size of known returns; cost_bps: of a round trip. weights: of the mixture's experts. scores: of each
    version, now and then. flags: what is out of the ordinary (`drift`, `canary`, `held`, `below_cost`, `alias_late`).
    """

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
    lane: Literal["inline", "heavy"] = "inline"
    spec: str = ""
    set_hash: str = ""
    ready: int = 0
    edge_bps: float = 0.0
    cost_bps: float = 0.0
    flags: tuple[str, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    scores: tuple[Score, ...] = ()


class Label(Message, frozen=True, omit_defaults=True):
    """The end state of one pending label. r_bps: return over the horizon in basis points."""

    prediction_id: str
    symbol: str
    model: str
    spec: str
    state: Literal["labelled", "flat", "ambiguous", "censored", "expired", "overflow"]
    time: int
    known_at: int
    y: int | None = None
    r_bps: float | None = None
    p: float | None = None


class Example(Message, frozen=True, omit_defaults=True):
    """A prediction and its label, emitted when the label is known: what training and the promotion gate read.

    p, version: what was served, None where it abstained. outputs: every version's answer on the same vector.
    r_bps: return over the time that really passed, `elapsed_ns`. cost_bps: of a round trip, taker fees and spread.
    """

    prediction_id: str
    symbol: str
    model: str
    lane: Literal["inline", "heavy"]
    spec: str
    set_hash: str
    state: Literal["labelled", "flat", "ambiguous", "censored", "expired", "overflow"]
    time: int
    known_at: int
    elapsed_ns: int
    mid2: int
    ready: int
    vector: bytes
    features_ref: Ref
    known_ref: Ref
    y: int | None = None
    r_bps: float | None = None
    version: str = ""
    p: float | None = None
    outputs: tuple[Answer, ...] = ()
    cost_bps: float = 0.0


class ModelFile(Message, frozen=True, omit_defaults=True):
    """One content-addressed file of a version. size: bytes."""

    name: str
    sha256: str
    size: int


class ModelVersion(Message, frozen=True, omit_defaults=True):
    """One immutable version of a model, as the registry tells the workers.

    version: "v" and 12 hex digits of the manifest's sha256; the built-in online versions carry their names.
    algorithm: which adapter answers for it ("lin", "lightgbm", "logistic", "mixture", ...).
    format: the stamp that its state or files must have.
    spec, set_hash: the label and feature set it was made for. required: bits of the ready mask that it needs.
    clip: (low, high) of each feature. max_age_ns: without learning for so long it expires.
    golden: hash of its outputs on the golden vectors. manifest: everything else, canonical JSON.
    signature: HMAC of the record, where the registry has a key.
    """

    model: str
    version: str
    kind: Literal["online", "batch", "mixture"]
    algorithm: str
    format: str
    set_hash: str
    spec: str
    lane: Literal["inline", "heavy"] = "inline"
    required: int = 0
    seed: int = 0
    parent: str = ""
    files: tuple[ModelFile, ...] = ()
    clip: tuple[tuple[float, float], ...] = ()
    cutoff: int = 0
    max_age_ns: int = 0
    golden: str = ""
    manifest: str = ""
    state: Literal["registered", "rejected", "retired"] = "registered"
    signature: str = ""


class Alias(Message, frozen=True, omit_defaults=True):
    """Which versions of a model serve from an event time on.

    epoch: a lower one than the last is ignored. champion serves; challenger serves the share `canary_fraction` and is
    scored like every shadow; previous: the champion before. effective_from: event time (ns), applied at the first
    record at or past it. below_cost: nothing shows yet that acting on the champion earns its costs, so it is scored but
    not acted on. evidence: canonical JSON.
    """

    model: str
    epoch: int
    champion: str
    effective_from: int
    action: Literal[
        "start", "shadow", "canary", "promote", "demote", "rollback", "hold", "unhold", "entries"
    ]
    challenger: str = ""
    canary_fraction: float = 0.0
    shadows: tuple[str, ...] = ()
    previous: str = ""
    held: bool = False
    below_cost: bool = False
    evidence: str = ""
    by: str = ""
    reason: str = ""
