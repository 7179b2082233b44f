"""Feature vectors in, predictions, labels and examples out: learns the labels that are known, then answers the vector.

One lane of versions: the inline one answers beside the market; the heavy one is a process of its own over slow ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents import lessons, prediction_log
from agents.answers import Turn
from agents.handler import Event, Output
from agents.learner_tables import MODELS, Lane, LearnerTables, Model, Sweep, place_of
from models import labels, vectors
from models.labels import Outcome
from models.learning import Learned
from models.serving import Aliases
from models.waiting import Waiting
from streams import topics
from streams.codec import Undecodable
from streams.predictions import Alias, Features, ModelVersion

SWEEP_NS = 10_000_000_000
"""How often, by the partition's clock, the labels of symbols that fell silent are looked for."""


@dataclass(frozen=True)
class Learner:
    """The handlers of one lane. group: its name in dead letters."""

    lane: Lane
    group: str

    def on_version(self, event: Event[ModelVersion], tables: LearnerTables) -> Iterable[Output]:
        """Keep what the registry says of a version, and begin to load it before an alias names it."""
        version = event.message
        tables.registry.put(f"{version.model}@{version.version}", version)
        if version.kind == "batch" and self.lane.name == "inline":
            tables.scorers.get(version)
        return ()

    def on_alias(self, event: Event[Alias], tables: LearnerTables) -> Iterable[Output]:
        """Keep a model's alias until its event time."""
        alias = event.message
        known = tables.aliases.get(alias.model) or Aliases()
        tables.aliases.put(alias.model, known.after(alias, event.clock_ns))
        return ()

    def on_features(self, event: Event[Features], tables: LearnerTables) -> list[Output]:
        """One step of a symbol's models: known labels first, in the order of their vectors, then the new vector.

        Raises Undecodable("PRICE_NOT_POSITIVE") for a vector without a mid, before anything is changed.
        """
        features = event.message
        if features.mid2 <= 0:
            raise Undecodable("PRICE_NOT_POSITIVE", f"mid2 {features.mid2}")
        outputs = list(self._sweep(event, tables))
        refusal, values = vectors.refusal(features)
        for model in MODELS:
            outputs += self._step(event, tables, model, refusal, values)
        if refusal == "nonfinite_input":
            outputs.append(prediction_log.not_finite(event, self.group))
        return outputs

    def _step(
        self,
        event: Event[Features],
        tables: LearnerTables,
        model: Model,
        refusal: str,
        values: Sequence[float],
    ) -> Iterator[Output]:
        features, lane = event.message, self.lane
        place = place_of(model.name, features.symbol)
        row = tables.learners.edit(place)
        if row is None:
            row = Learned()
            tables.learners.put(place, row)
        if vectors.is_stale(features):
            row.gap_at = features.time
        watch = tables.watch
        began = watch.now()
        ended = list(lessons.resolve(event, tables, lane, model, row))
        if ended:
            watch.spent("learn_seconds", model.name, began)
        yield from ended
        began = watch.now()
        prediction = Turn(event, tables, lane, model, row).prediction(refusal, values)
        watch.spent("predict_seconds", model.name, began)
        yield Output(topics.PREDICTIONS, features.symbol, prediction)
        learnable = vectors.is_learnable(refusal, features.ready)
        waiting = Waiting(
            event.offset,
            features.time,
            features.mid2,
            features.ready,
            features.set_hash,
            features.vector,
            learnable,
            prediction.served,
            prediction.outputs,
            prediction.cost_bps,
        )
        tables.waiting.add(place, waiting)
        lines = tables.waiting.lines
        while lines.length(place) > labels.PENDING_MAX and (oldest := lines.oldest(place)):
            overflow = Outcome("overflow")
            yield from lessons.give_up(
                event, tables, lane, model, features.symbol, oldest, overflow
            )

    def _sweep(self, event: Event[Features], tables: LearnerTables) -> Iterator[Output]:
        """Labels of other symbols that nothing will resolve any more, by model, symbol and time."""
        clock = event.clock_ns
        sweep = tables.sweeps.get("pending")
        if sweep is not None and clock < sweep.due:
            return
        tables.sweeps.put("pending", Sweep(clock + SWEEP_NS))
        models = {model.name: model for model in MODELS}
        for place in list(tables.waiting.lines.places()):
            name, _, symbol = place.partition("|")
            if symbol != event.message.symbol:
                yield from lessons.expire(event, tables, self.lane, models[name], symbol)
