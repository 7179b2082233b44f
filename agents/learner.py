"""Feature vectors in, predictions and labels out: learns each label when it is known, then answers the new vector."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

import msgspec

from agents.handler import Event, Output
from models import labels, learning
from models.features import READY_ALL, READY_SOON, SET_HASH
from models.labels import UP_1S, Outcome, Pending
from models.learning import Learned, LearnerTable
from streams import topics
from streams.codec import Undecodable
from streams.ids import Ref
from streams.messages import DeadLetter
from streams.predictions import Alias, Answer, Example, Features, Label, ModelVersion, Prediction
from streams.state import Table

MODEL = "up1s.micro.all"
SPEC = UP_1S
LANE: Literal["inline"] = "inline"
SWEEP_NS = 10_000_000_000
"""How often, by the partition's clock, the labels of symbols that fell silent are looked for."""


class Sweep(msgspec.Struct, frozen=True, gc=False):
    """When the next sweep is due, in event time (ns)."""

    due: int


class LearnerTables(Protocol):
    """What this handler needs of its cell."""

    learners: LearnerTable
    sweeps: Table[Sweep]
    versions: Table[ModelVersion]
    aliases: Table[Alias]


def learner_table() -> LearnerTable:
    """The table `learners`, keyed by symbol."""
    return LearnerTable()


def sweep_table() -> Table[Sweep]:
    """The table `sweeps`, of one row."""
    return Table("sweeps", Sweep)


def on_version(event: Event[ModelVersion], tables: LearnerTables) -> Iterable[Output]:
    """Keep what the registry says of a version."""
    tables.versions.put(f"{event.message.model}@{event.message.version}", event.message)
    return ()


def on_alias(event: Event[Alias], tables: LearnerTables) -> Iterable[Output]:
    """Keep a model's alias; one of a lower epoch comes from someone who has been replaced."""
    alias = event.message
    known = tables.aliases.get(alias.model)
    if known is None or alias.epoch > known.epoch:
        tables.aliases.put(alias.model, alias)
    return ()


def on_features(event: Event[Features], tables: LearnerTables) -> list[Output]:
    """One step of a symbol's learner: known labels first, in the order of their vectors, then the new vector.

    Raises Undecodable("PRICE_NOT_POSITIVE") for a vector without a mid, before anything is changed.
    """
    features = event.message
    if features.mid2 <= 0:
        raise Undecodable("PRICE_NOT_POSITIVE", f"mid2 {features.mid2}")
    outputs = list(_sweep(event, tables))
    learned = tables.learners.edit(features.symbol)
    if learned is None:
        learned = Learned()
        tables.learners.put(features.symbol, learned)
    outputs.extend(_resolve(event, tables.learners, learned))
    reason, values = learning.refusal(features)
    model = tables.learners.linear(features.symbol, learned.lin)
    if reason:
        lin = Answer("lin", None, reason, model.learned)
    else:
        lin = learning.answer_lin(learned, model, features, values)
    outputs.append(Output(topics.PREDICTIONS, features.symbol, _prediction(event, learned, lin)))
    if reason == "nonfinite_input":
        outputs.append(_dead_letter(event))
    learnable = not reason and not READY_SOON & ~features.ready
    vector = features.vector if learnable else b""
    learned.pending.append(Pending(event.offset, features.time, features.mid2, lin.p, vector))
    if len(learned.pending) > labels.PENDING_MAX:
        oldest = learned.pending.pop(0)
        overflow = Outcome("overflow")
        outputs.append(_label(event.partition, features.symbol, oldest, overflow, features.time))
        outputs.append(_example(event, features.symbol, oldest, overflow, features.time))
    return outputs


def _resolve(event: Event[Features], table: LearnerTable, learned: Learned) -> Iterator[Output]:
    features = event.message
    learned.pending = labels.mark_gap(SPEC, learned.pending, features.gap_ms)
    due = 0
    for pending in learned.pending:
        if not labels.is_due(SPEC, pending, features.time):
            break
        due += 1
        outcome = labels.outcome(SPEC, pending, features.time, features.mid2, event.clock_ns)
        learning.take(learned, outcome)
        if outcome.y is not None and pending.vector and not learning.is_disabled(learned):
            model = table.linear(features.symbol, learned.lin)
            learning.teach(learned, model, pending.vector, outcome.y == 1, features.time)
        yield _label(event.partition, features.symbol, pending, outcome, features.time)
        yield _example(event, features.symbol, pending, outcome, features.time)
    del learned.pending[:due]


def _sweep(event: Event[Features], tables: LearnerTables) -> Iterator[Output]:
    """Labels of other symbols that nothing will resolve any more, by symbol and time."""
    clock = event.clock_ns
    sweep = tables.sweeps.get("pending")
    if sweep is not None and clock < sweep.due:
        return
    tables.sweeps.put("pending", Sweep(clock + SWEEP_NS))
    for symbol, learned in tables.learners.items():
        if symbol == event.message.symbol or not learned.pending:
            continue
        if labels.is_expired(SPEC, learned.pending[0], clock):
            yield from _expire(event, tables, symbol)


def _expire(event: Event[Features], tables: LearnerTables, symbol: str) -> Iterator[Output]:
    learned = tables.learners.edit(symbol)
    assert learned is not None
    clock = event.clock_ns
    while learned.pending and labels.is_expired(SPEC, learned.pending[0], clock):
        pending = learned.pending.pop(0)
        yield _label(event.partition, symbol, pending, Outcome("expired"), clock)
        yield _example(event, symbol, pending, Outcome("expired"), clock)


def _prediction(event: Event[Features], learned: Learned, lin: Answer) -> Prediction:
    features = event.message
    return Prediction(
        prediction_id=_prediction_id(event.partition, event.offset),
        symbol=features.symbol,
        model=MODEL,
        time=features.time,
        bid=features.bid,
        ask=features.ask,
        mid2=features.mid2,
        served=lin,
        features_ref=event.ref,
        outputs=(lin, learning.answer_prior(learned)),
        volatility_bps=learning.volatility_bps(learned),
    )


def _prediction_id(partition: int, offset: int) -> str:
    return f"{MODEL}:{LANE}:{partition}:{offset}"


def _label(
    partition: int, symbol: str, pending: Pending, outcome: Outcome, known_at: int
) -> Output:
    label = Label(
        prediction_id=_prediction_id(partition, pending.offset),
        symbol=symbol,
        model=MODEL,
        spec=SPEC.hash,
        state=outcome.state,
        time=pending.time,
        known_at=known_at,
        y=outcome.y,
        r_bps=outcome.r_bps,
        p=pending.p,
    )
    return Output(topics.LABELS, symbol, label)


def _example(
    event: Event[Features], symbol: str, pending: Pending, outcome: Outcome, known_at: int
) -> Output:
    example = Example(
        prediction_id=_prediction_id(event.partition, pending.offset),
        symbol=symbol,
        model=MODEL,
        lane=LANE,
        spec=SPEC.hash,
        set_hash=SET_HASH,
        state=outcome.state,
        time=pending.time,
        known_at=known_at,
        elapsed_ns=known_at - pending.time,
        mid2=pending.mid2,
        ready=READY_ALL if pending.vector else 0,
        vector=pending.vector,
        features_ref=Ref(event.topic, event.partition, pending.offset),
        known_ref=event.ref,
        y=outcome.y,
        r_bps=outcome.r_bps,
        version="lin" if pending.p is not None else "",
        p=pending.p,
    )
    return Output(topics.EXAMPLES, symbol, example)


def _dead_letter(event: Event[Features]) -> Output:
    """A vector that is not finite is answered by an abstain; here it is kept for whoever looks for its cause."""
    vector, ref = event.message.vector, event.ref
    letter = DeadLetter(
        origin=ref,
        timestamp_ms=event.timestamp_ms,
        reason="nonfinite",
        error="a feature is not a finite number",
        sha256=hashlib.sha256(vector).hexdigest(),
        length=len(vector),
        key=event.key,
        value=vector,
        group="learner",
    )
    return Output(topics.DEAD_LETTERS, f"{ref.topic}:{ref.partition}", letter)
