"""What the learner writes: predictions as they were served, and labels and examples as they become known."""

import hashlib
from collections.abc import Iterator

from agents.handler import Event, Output
from agents.learner_tables import Lane, Model
from models.labels import Outcome
from models.waiting import Waiting
from streams import topics
from streams.ids import Ref
from streams.messages import DeadLetter
from streams.predictions import Example, Features, Label


def prediction_id(model: str, lane: str, partition: int, offset: int) -> str:
    """Of one model's and lane's prediction on the vector at a place of `features`."""
    return f"{model}:{lane}:{partition}:{offset}"


def ended(
    event: Event[Features], lane: Lane, model: Model, symbol: str, waited: Waiting, outcome: Outcome
) -> Iterator[Output]:
    """The records of a label that ended with this event; the inline lane alone tells labels as such.

    What expires, or gives way, is known by the partition's clock, everything else by the symbol's record.
    """
    made_by_record = outcome.state not in ("expired", "overflow")
    known_at = event.message.time if made_by_record else event.clock_ns
    identity = prediction_id(model.name, lane.name, event.partition, waited.offset)
    served = waited.served
    if lane.name == "inline":
        label = Label(
            prediction_id=identity,
            symbol=symbol,
            model=model.name,
            spec=model.spec.hash,
            state=outcome.state,
            time=waited.time,
            known_at=known_at,
            y=outcome.y,
            r_bps=outcome.r_bps,
            p=served.p,
        )
        yield Output(topics.LABELS, symbol, label)
    example = Example(
        prediction_id=identity,
        symbol=symbol,
        model=model.name,
        lane=lane.name,
        spec=model.spec.hash,
        set_hash=waited.set_hash,
        state=outcome.state,
        time=waited.time,
        known_at=known_at,
        elapsed_ns=known_at - waited.time,
        mid2=waited.mid2,
        ready=waited.ready,
        vector=waited.vector,
        features_ref=Ref(event.topic, event.partition, waited.offset),
        known_ref=event.ref,
        y=outcome.y,
        r_bps=outcome.r_bps,
        version=served.version,
        p=served.p,
        outputs=waited.outputs,
        cost_bps=waited.cost_bps,
    )
    yield Output(topics.EXAMPLES, symbol, example)


def not_finite(event: Event[Features], group: str) -> Output:
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
        group=group,
    )
    return Output(topics.DEAD_LETTERS, f"{ref.topic}:{ref.partition}", letter)
