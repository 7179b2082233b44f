"""The models' figures, from predictions and labels as the history's sink decodes them."""

from collections import Counter

from agents.metrics import Labels, Metrics
from streams.predictions import Label, Prediction, Score

NS = 1e9
FLAGS = {"drift": "drift_alarms_total", "refused": "model_refused_total"}
"""Flags of the form `flag:version`, and the counter of each."""


def predicted(message: Prediction, counts: Counter[tuple[str, Labels]], metrics: Metrics) -> None:
    """Count one prediction by what is served of it, and show what it tells of scores and weights."""
    model, served = message.model, message.served
    if served.version:
        if served.p is None:
            counts["abstentions_total", (model, served.abstain)] += 1
        counts["predictions_total", (model, served.version, served.role)] += 1
    for flag in message.flags:
        kind, _, version = flag.partition(":")
        if kind == "alias_late":
            counts["alias_late_total", (model,)] += 1
        elif kind in FLAGS:
            counts[FLAGS[kind], (model, version)] += 1
    if message.scores:
        _show(message, metrics)


def _show(message: Prediction, metrics: Metrics) -> None:
    for expert, weight in message.weights:
        metrics.set("mixture_weight", (message.model, expert), weight)
    for score in message.scores:
        for metric, value in _figures(score).items():
            if value is not None:
                metrics.set("model_metric", (message.model, score.version, metric), value)


def _figures(score: Score) -> dict[str, float | None]:
    return {
        "logloss": score.logloss,
        "brier": score.brier,
        "accuracy": score.accuracy,
        "accuracy_expected": score.expected,
        "kappa_t": score.kappa_t,
        "kappa_m": score.kappa_m,
        "ece": score.ece,
    }


def labelled(message: Label, counts: Counter[tuple[str, Labels]], metrics: Metrics) -> None:
    """Count one label by how it ended, and how long after its vector."""
    counts["labels_total", (message.model, message.state)] += 1
    lag_s = max(0, message.known_at - message.time) / NS
    metrics.observe("label_lag_seconds", (message.model,), lag_s)
