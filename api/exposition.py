"""Reads what a process shows on /metrics: sums of its counters, quantiles of its histograms."""

import math
import re
from collections import defaultdict

LINE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')

Labels = dict[str, str]
Buckets = list[tuple[float, float]]
"""(upper edge, observations at or below it), by rising edge; the last edge is infinite."""


def samples(exposition: str, name: str) -> list[tuple[Labels, float]]:
    """The series of one name with their labels."""
    found = []
    for line in exposition.splitlines():
        match = LINE.match(line) if line.startswith(name) else None
        if match is not None and match["name"] == name:
            found.append((dict(LABEL.findall(match["labels"] or "")), float(match["value"])))
    return found


def total(exposition: str, name: str, **labels: str) -> float:
    """The sum over the series that carry these labels."""
    return sum(
        value
        for have, value in samples(exposition, name)
        if all(have.get(label) == wanted for label, wanted in labels.items())
    )


def histograms(exposition: str, name: str) -> dict[str, Buckets]:
    """The series of one histogram by the values of their labels, joined by a blank."""
    found: dict[str, Buckets] = defaultdict(list)
    for labels, value in samples(exposition, f"{name}_bucket"):
        edge = float(labels.pop("le"))
        found[" ".join(labels.values())].append((edge, value))
    return {key: sorted(buckets) for key, buckets in found.items()}


def quantile(buckets: Buckets, q: float) -> float | None:
    """The q-quantile, spread evenly within its bucket; the last finite edge for what lies above; None: no data."""
    total = buckets[-1][1] if buckets else 0.0
    if not total:
        return None
    rank, low, below = q * total, 0.0, 0.0
    for edge, count in buckets:
        if count >= rank and count > below:
            if math.isinf(edge):
                return low
            return low + (edge - low) * (rank - below) / (count - below)
        low, below = (low if math.isinf(edge) else edge), count
    return low


def difference(after: Buckets, before: Buckets) -> Buckets:
    """The observations between two readings of one series; all of them where the process is another."""
    counts = dict(before)
    if any(count < counts.get(edge, 0.0) for edge, count in after):
        return after
    return [(edge, count - counts.get(edge, 0.0)) for edge, count in after]
