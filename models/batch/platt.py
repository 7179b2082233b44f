"""Platt's scale: turns a model's scores into probabilities, fitted on rows that the model was not fitted on."""

import math
from collections.abc import Sequence
from typing import NamedTuple

STEPS_MAX = 100
GRADIENT_MIN = 1e-10
RIDGE = 1e-12
"""Keeps Newton's matrix from being singular where all scores are equal."""


class Scale(NamedTuple):
    """p = 1 / (1 + exp(-(slope x score + intercept)))."""

    slope: float
    intercept: float


def fit(scores: Sequence[float], ups: Sequence[int]) -> Scale:
    """The scale of least log loss, by Newton's method with halved steps.

    The targets are not 1 and 0 but (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so that scores which part the classes have a
    finite scale. Platt, "Probabilistic Outputs for Support Vector Machines", 1999; Lin, Lin and Weng, 2007.
    """
    positives = sum(ups)
    negatives = len(ups) - positives
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = [high if up else low for up in ups]
    scale = Scale(0.0, math.log((positives + 1) / (negatives + 1)))
    loss = _loss(scale, scores, targets)
    for _ in range(STEPS_MAX):
        step = _newton(scale, scores, targets)
        if step is None:
            break
        better, smaller = _descend(scale, step, loss, scores, targets)
        if smaller >= loss:
            break
        scale, loss = better, smaller
    return scale


def _descend(
    scale: Scale, step: Scale, loss: float, scores: Sequence[float], targets: Sequence[float]
) -> tuple[Scale, float]:
    """The first of ever shorter steps that lowers the loss."""
    share, found, now = 1.0, scale, loss
    while share > GRADIENT_MIN:
        found = Scale(scale.slope + share * step.slope, scale.intercept + share * step.intercept)
        now = _loss(found, scores, targets)
        if now < loss:
            break
        share /= 2
    return found, now


def _newton(scale: Scale, scores: Sequence[float], targets: Sequence[float]) -> Scale | None:
    """The full step, or None where the gradient is as good as zero."""
    errors, weights = [], []
    for score, target in zip(scores, targets, strict=True):
        p = _p(scale, score)
        errors.append(target - p)
        weights.append(p * (1 - p))
    slope = math.fsum(e * s for e, s in zip(errors, scores, strict=True))
    intercept = math.fsum(errors)
    if abs(slope) < GRADIENT_MIN and abs(intercept) < GRADIENT_MIN:
        return None
    ss = math.fsum(w * s * s for w, s in zip(weights, scores, strict=True)) + RIDGE
    si = math.fsum(w * s for w, s in zip(weights, scores, strict=True))
    ii = math.fsum(weights) + RIDGE
    determinant = ss * ii - si * si
    if determinant <= 0:
        return None
    return Scale(
        (ii * slope - si * intercept) / determinant, (ss * intercept - si * slope) / determinant
    )


def _loss(scale: Scale, scores: Sequence[float], targets: Sequence[float]) -> float:
    """Log loss, in the form that overflows nowhere."""
    terms = []
    for score, target in zip(scores, targets, strict=True):
        logit = scale.slope * score + scale.intercept
        terms.append(max(logit, 0.0) - logit * target + math.log1p(math.exp(-abs(logit))))
    return math.fsum(terms)


def _p(scale: Scale, score: float) -> float:
    logit = scale.slope * score + scale.intercept
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    return math.exp(logit) / (1 + math.exp(logit))
