"""The version `mix`: its experts' answers, weighted by fixed-share Hedge. Herbster and Warmuth 1998."""

import math
from collections.abc import Iterable, Mapping

from streams.predictions import Answer

MIX = "mix"
RATE, SHARE = 0.15, 0.01


def kept(weights: Mapping[str, float], experts: Iterable[str]) -> dict[str, float]:
    """The weights of these experts. A new one inherits what is left, or gets an equal share."""
    experts = list(experts)
    fresh = [expert for expert in experts if expert not in weights]
    left = 1.0 - math.fsum(weights.get(expert, 0.0) for expert in experts)
    if fresh and left < 1e-9:
        left = len(fresh) / len(experts)
    entering = max(left, 0.0) / len(fresh) if fresh else 0.0
    return _normalised({expert: weights.get(expert, entering) for expert in experts})


def probability(weights: Mapping[str, float], answers: Mapping[str, Answer]) -> float | None:
    """P(up) of the experts that answered, their weights renormalised; None when all abstain."""
    given = [(weights[e], p) for e in weights if e in answers and (p := answers[e].p) is not None]
    total = math.fsum(weight for weight, _ in given)
    if not total > 0:
        return None
    return math.fsum(weight * p for weight, p in given) / total


def learned(weights: Mapping[str, float], logged: Mapping[str, float], y: int) -> dict[str, float]:
    """The weights after a label that does not overlap with the one before; logged: p of the experts that answered."""
    if not logged:
        return dict(weights)
    scaled = {
        expert: weight * math.exp(-RATE * (logged[expert] - y) ** 2) if expert in logged else weight
        for expert, weight in weights.items()
    }
    shares = _normalised(scaled)
    return {e: (1 - SHARE) * weight + SHARE / len(shares) for e, weight in shares.items()}


def half_uniform(weights: Mapping[str, float]) -> dict[str, float]:
    """After drift: half of what was learned is forgotten."""
    return {expert: (weight + 1 / len(weights)) / 2 for expert, weight in weights.items()}


def _normalised(weights: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    if not total > 0:
        return {expert: 1 / len(weights) for expert in weights}
    return {expert: weight / total for expert, weight in weights.items()}
