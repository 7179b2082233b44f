"""What each version says of a vector, and what may be acted on of it."""

import math
from collections.abc import Mapping, Sequence

from models.features import READY_SOON
from models.learning import Kept, Learned
from models.online import versions
from models.online.adapter import Online
from models.serving import Role, Serving, Version
from streams.predictions import Answer, Features, ModelVersion

LABELS_MIN = 200
MAX_AGE_NS = 24 * 3600 * 1_000_000_000
"""An online version that has learned nothing for so long does not answer."""

BATCH_MAX_AGE_NS = 7 * MAX_AGE_NS


def online_answer(
    version: str,
    role: Role,
    online: Online,
    kept: Kept,
    features: Features,
    values: Sequence[float],
) -> Answer:
    """The answer of an online version to a vector that was not refused."""
    reason = _abstains(version, online, kept, features)
    if not reason:
        p = online.predict(values)
        reason = _fault(p)
        if not reason:
            return Answer(version, p, "", online.learned, role)
    return Answer(version, None, reason, online.learned, role)


def _abstains(version: str, online: Online, kept: Kept, features: Features) -> str:
    if not online.sound or kept.disabled or features.time in kept.faults:
        return "nonfinite_state"
    if version in versions.BASELINES:
        return ""
    if READY_SOON & ~features.ready:
        return "warming_up"
    if online.learned < LABELS_MIN:
        return "not_enough_labels"
    if features.time - kept.learned_at > MAX_AGE_NS:
        return "model_expired"
    return ""


def batch_answer(
    found: Version, role: Role, features: Features, values: Sequence[float], spec: str
) -> Answer:
    """The answer of a batch version to a vector that was not refused."""
    record, scorer = found
    reason = _refuses(record, features, spec)
    if reason or isinstance(scorer, str):
        return Answer(record.version, None, reason or str(scorer), 0, role)
    p = scorer.predict(values)
    reason = _fault(p)
    return Answer(record.version, None if reason else p, reason, 0, role)


def _refuses(record: ModelVersion, features: Features, spec: str) -> str:
    if record.set_hash != features.set_hash:
        return "feature_set"
    if record.spec != spec or record.state == "rejected":
        return "format_unsupported"
    if record.required & ~features.ready:
        return "warming_up"
    if features.time - record.cutoff > (record.max_age_ns or BATCH_MAX_AGE_NS):
        return "model_expired"
    return ""


def _fault(p: float | None) -> str:
    if p is None:
        return "out_of_distribution"
    return "" if math.isfinite(p) else "nonfinite_output"


def served(
    serving: Serving, answers: Mapping[str, Answer], row: Learned, symbol: str, time: int, lane: str
) -> tuple[Answer, list[str]]:
    """What may be acted on, and what is out of the ordinary about it.

    A hold, or an edge that does not show, takes the probability from it and leaves the one that is scored. The lane
    that does not hold the serving version serves nothing.
    """
    alias, flags = serving.alias, []
    name = alias.champion
    if serving.is_canary(symbol, time):
        name = alias.challenger
        flags.append("canary")
    if (name in versions.HEAVY) != (lane == "heavy"):
        return NOTHING_SERVED, flags
    answer = answers.get(name) or Answer(name, None, "model_missing", 0, "champion")
    if alias.held:
        flags.append("held")
    if alias.below_cost:
        flags.append("below_cost")
    if row.hold is not None:
        flags.append("drift_hold")
    if answer.p is not None:
        if row.joined.too_few:
            answer = _without(answer, "not_enough_labels")
        elif row.hold is not None:
            answer = _without(answer, "drift_hold")
        elif alias.below_cost:
            answer = _without(answer, "edge_below_cost")
    return answer, flags


NOTHING_SERVED = Answer("")


def _without(answer: Answer, reason: str) -> Answer:
    return Answer(answer.version, None, reason, answer.learned, answer.role)
