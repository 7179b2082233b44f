"""The plots of an evaluation."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api import pages

LINES_MAX = 8
"""More versions than this are not told apart in one plot; the tables have all."""

MARK_COLOURS = {
    "alias": "#8250df",
    "drift": "#cf222e",
    "drift_hold": "#cf222e",
    "canary": "#bf8700",
}
OTHER_COLOUR = "#57606a"
SIZE, HALF = (10, 4), (10, 3)


def skill_over_time(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """AUC and kappa_t of windows, with what happened on the way."""
    figure = pages.figure(figsize=(10, 7))
    axes = figure.subplots(2, 1, sharex=True)
    smallest = min(found["windows"], key=int)
    for axis, measure, level in zip(axes, ("auc", "kappa_t"), (0.5, 0.0), strict=True):
        for name in names[:LINES_MAX]:
            points = [w for w in found["windows"][smallest].get(name, []) if w[measure] is not None]
            times = [moment(w["known_at"]) for w in points]
            axis.plot(times, [w[measure] for w in points], marker="o", markersize=3, label=name)
        axis.axhline(level, color="#57606a", linewidth=0.8)
        axis.set_ylabel(f"{measure}, {smallest} labels")
        axis.grid(alpha=0.3)
        for mark in found["marks"]:
            colour = MARK_COLOURS.get(mark["kind"], OTHER_COLOUR)
            axis.axvline(moment(mark["time"]), color=colour, linewidth=1, linestyle=":")
    axes[0].legend(fontsize=8, ncols=4)
    return pages.svg(figure)


def reliability(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """What was promised against what came, with how many stood behind it."""
    figure = pages.figure(figsize=SIZE)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#57606a", linewidth=0.8)
    for name in names[:LINES_MAX]:
        bins = found["reliability"][name]
        left.plot(
            [b["p"] for b in bins], [b["up"] for b in bins], marker="o", markersize=3, label=name
        )
        right.plot([b["p"] for b in bins], [b["n"] for b in bins], marker="o", markersize=3)
    left.set_xlabel("probability of up")
    left.set_ylabel("share that came up")
    right.set_xlabel("probability of up")
    right.set_ylabel("labels in the bin")
    right.set_ylim(bottom=0)
    left.legend(fontsize=8)
    return pages.svg(figure)


def label_lag(found: Mapping[str, Any]) -> str:
    """How much later than its horizon a label was known."""
    figure = pages.figure(figsize=HALF)
    axis = figure.subplots()
    lag = found["label_lag_ms"]
    axis.stairs(lag["counts"], lag["edges"] or [0.0], fill=True, color="#0b5cad")
    axis.set_yscale("log")
    axis.set_xlabel("ms after the horizon")
    axis.set_ylabel("labels")
    return pages.svg(figure)


def money(curves: Mapping[str, Mapping[str, Any]]) -> str:
    """Summed returns before costs above, after costs below, in bps of one notional; each by its own scale."""
    figure = pages.figure(figsize=(10, 6))
    axes = figure.subplots(2, len(curves), squeeze=False, sharex="col")
    for column, (name, curve) in enumerate(curves.items()):
        times = [moment(time) for time in curve["closed"]]
        for row, (sums, colour) in enumerate((("gross", "#0b5cad"), ("net", "#cf222e"))):
            axis = axes[row][column]
            axis.plot(times, curve[sums], color=colour)
            axis.grid(alpha=0.3)
            axis.tick_params(axis="x", labelrotation=30, labelsize=7)
        axes[0][column].set_title(name, fontsize=9)
    axes[0][0].set_ylabel("bps before costs")
    axes[1][0].set_ylabel("bps after costs")
    return pages.svg(figure)


def moment(ns: int) -> datetime:
    """A time of the log."""
    return datetime.fromtimestamp(ns / 1e9, UTC)
