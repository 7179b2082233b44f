"""What a known label does: logged outputs are scored, drift is looked for, the mixture weighs, the versions learn."""

from collections.abc import Iterator, Mapping

import msgspec

from agents import prediction_log
from agents.handler import Event, Output
from agents.learner_tables import Lane, LearnerTables, Model, place_of
from models import labels, mixture, scores
from models.drift import LABELS_MAX, Hold
from models.features import VECTOR
from models.labels import Outcome, Pending
from models.learning import Learned
from models.online import versions
from models.scores import BLOCK_LABELS, BLOCKS, Scored, Tally, is_hit
from models.waiting import Waiting
from streams.predictions import Features, Score

MISCALIBRATED = 0.05
"""Of expected over realised accuracy, over a full set of blocks: the scales begin anew."""

Logged = Mapping[str, float]
"""p of each version that answered."""


def resolve(
    event: Event[Features], tables: LearnerTables, lane: Lane, model: Model, row: Learned
) -> Iterator[Output]:
    """End every label of the symbol that its record makes known, in the order of their vectors."""
    features, spec = event.message, model.spec
    place = place_of(model.name, features.symbol)
    while (waited := tables.waiting.lines.oldest(place)) is not None:
        if features.time < waited.time + spec.horizon_ns:
            break
        tables.waiting.take(place, waited)
        gapped = row.gap_at > waited.time and spec.horizon_ns <= 60 * labels.SECOND_NS
        start = Pending(waited.offset, waited.time, waited.mid2, None, b"", gapped)
        outcome = labels.outcome(spec, start, features.time, features.mid2, event.clock_ns)
        row.take(outcome, features.time)
        if outcome.y is not None:
            _learn(tables, lane, place, row, waited, outcome.y, features.time)
        yield from prediction_log.ended(event, lane, model, features.symbol, waited, outcome)


def _learn(
    tables: LearnerTables,
    lane: Lane,
    place: str,
    row: Learned,
    waited: Waiting,
    y: int,
    known_at: int,
) -> None:
    logged = {each.version: each.p for each in waited.outputs if each.p is not None}
    _score(tables, place, row, logged, y)
    overlaps = waited.time < row.taken
    if not overlaps:
        row.taken = known_at
        _watch(tables, place, row, waited.served.version, logged, y)
        experts = {expert: logged[expert] for expert in row.weights if expert in logged}
        row.weights = mixture.learned(row.weights, experts, y)
    if overlaps and lane.thins:
        return
    values = VECTOR.unpack(waited.vector) if waited.learnable else ()
    if waited.learnable:
        tables.learners.note(place, row, waited.vector, y == 1, known_at)
    for version in lane.versions:
        if waited.learnable or version in versions.BASELINES:
            tables.learners.teach(place, row, version, values, y == 1, known_at)
    for version in [each for each in row.versions if each.startswith(versions.CALIB)]:
        p = logged.get(version.removeprefix(versions.CALIB))
        if waited.learnable and p is not None:
            inputs = versions.inputs(values, p)
            tables.learners.teach(place, row, version, inputs, y == 1, known_at)


def _score(tables: LearnerTables, place: str, row: Learned, logged: Logged, y: int) -> None:
    same = is_hit(logged.get(versions.NO_CHANGE), y)
    major = is_hit(logged.get(versions.PRIOR), y)
    for version, p in logged.items():
        row.block[version] = row.block.get(version, EMPTY).after(p, y, same, major)
    row.scored += 1
    if row.scored >= BLOCK_LABELS:
        tables.blocks.put(f"{place}|{row.blocks % BLOCKS}", Scored(row.block))
        row.block, row.scored, row.blocks, row.fresh = {}, 0, row.blocks + 1, True
        _recalibrate(tables, place, row)


EMPTY = Tally()


def scored(tables: LearnerTables, place: str, row: Learned) -> tuple[Score, ...]:
    """The scores of every version over the last full blocks, and what has come since."""
    found = (tables.blocks.get(f"{place}|{number}") for number in range(BLOCKS))
    blocks = [row.block, *(each.tallies for each in found if each is not None)]
    names = sorted({version for block in blocks for version in block})
    made = [scores.score(n, [block[n] for block in blocks if n in block]) for n in names]
    return tuple(each for each in made if each is not None)


def _recalibrate(tables: LearnerTables, place: str, row: Learned) -> None:
    """Begin the scale of an overconfident version anew."""
    if row.blocks < row.recalibrated + BLOCKS:
        return
    for each in scored(tables, place, row):
        if each.expected - each.accuracy > MISCALIBRATED:
            kept = row.versions.get(each.version)
            if kept is None:
                continue
            online = tables.learners.online(place, each.version, kept.state)
            state = versions.recalibrated(online)
            if state is not None:
                row.versions[each.version] = msgspec.structs.replace(kept, state=state)
                row.recalibrated = row.blocks


def _watch(
    tables: LearnerTables, place: str, row: Learned, served: str, logged: Logged, y: int
) -> None:
    """Show each version's loss to its detector; where the serving one became worse, its symbol is held."""
    losses = {version: (p - y) ** 2 for version, p in logged.items()}
    if row.hold is not None and served in losses and versions.PRIOR in losses:
        row.hold = row.hold.after(losses[served], losses[versions.PRIOR])
    for version, loss in losses.items():
        own, seen = f"{place}|{version}", row.watched.get(version, 0)
        if seen >= LABELS_MAX:
            tables.losses.restart(own, seen)
            seen = 0
        if tables.losses.is_drift(own, seen, loss):
            tables.losses.restart(own, seen + 1)
            seen = -1
            row.alarms = (*row.alarms, version)
            if version == served:
                row.hold = Hold()
                row.weights = mixture.half_uniform(row.weights)
        row.watched[version] = seen + 1


def expire(
    event: Event[Features], tables: LearnerTables, lane: Lane, model: Model, symbol: str
) -> Iterator[Output]:
    """End the labels of a symbol that nothing will resolve any more."""
    place = place_of(model.name, symbol)
    while (waited := tables.waiting.lines.oldest(place)) is not None:
        if not is_expired(model, waited, event.clock_ns):
            return
        yield from give_up(event, tables, lane, model, symbol, waited, Outcome("expired"))


def is_expired(model: Model, waited: Waiting, clock_ns: int) -> bool:
    """Whether the partition's clock has passed all waiting for it."""
    return clock_ns > waited.time + model.spec.horizon_ns + labels.EXPIRY_NS


def give_up(
    event: Event[Features],
    tables: LearnerTables,
    lane: Lane,
    model: Model,
    symbol: str,
    waited: Waiting,
    outcome: Outcome,
) -> Iterator[Output]:
    """End the oldest label of a line without an answer."""
    place = place_of(model.name, symbol)
    tables.waiting.take(place, waited)
    row = tables.learners.edit(place)
    if row is not None:
        row.take(outcome, event.clock_ns)
    yield from prediction_log.ended(event, lane, model, symbol, waited, outcome)
