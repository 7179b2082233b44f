"""Which models are to be trained now, and why: pure, over what the record of runs says."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

HOUR_S = 3600.0
EVERY_S = 24 * HOUR_S
COOL_DOWN_S = 6 * HOUR_S
EXPIRY_SHARE = 0.8
"""Of its largest age, at which a version is replaced."""

Trigger = Literal["schedule", "drift", "expiry", "manual"]


class Standing(NamedTuple):
    """What is known of a model. Ages in seconds, None: never.

    run_age: since its last run began; version_age: since its newest batch version that may serve; asked: the triggers
    of open requests.
    """

    model: str
    run_age: float | None
    version_age: float | None
    max_age: float
    asked: frozenset[str] = frozenset()


class Due(NamedTuple):
    """A model and the weightiest reason to train it."""

    model: str
    trigger: Trigger


def due(standings: Iterable[Standing]) -> list[Due]:
    """The models to train, the one with the oldest version first; one that has none is the oldest."""
    found = [(standing, _trigger(standing)) for standing in standings]
    wanted = [(standing, trigger) for standing, trigger in found if trigger is not None]
    wanted.sort(key=lambda each: (-_age(each[0].version_age), each[0].model))
    return [Due(standing.model, trigger) for standing, trigger in wanted]


def _trigger(standing: Standing) -> Trigger | None:
    """By hand at once; all else not within the cool-down after a run, however that ended."""
    if "manual" in standing.asked:
        return "manual"
    if _age(standing.run_age) < COOL_DOWN_S:
        return None
    if "drift" in standing.asked:
        return "drift"
    if standing.version_age is not None and standing.version_age >= EXPIRY_SHARE * standing.max_age:
        return "expiry"
    return "schedule" if _age(standing.run_age) >= EVERY_S else None


def _age(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds
