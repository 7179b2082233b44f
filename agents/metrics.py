"""The figures of a process and the store behind `/metrics`; the only file that knows Prometheus."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from agents.bins import Bins
from agents.metric_rows import BY_NAME, CATALOGUE, PREFIX, SECONDS, Labels, Row

__all__ = ["BY_NAME", "CATALOGUE", "PREFIX", "SECONDS", "Labels", "Metrics", "Row"]


class Metrics(Collector):
    """The figures of one process. Written by its event loop, read by the ops thread."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[Labels, float]] = {row.name: {} for row in CATALOGUE}
        self._bins: dict[str, dict[Labels, Bins]] = {
            row.name: {} for row in CATALOGUE if row.kind == "histogram"
        }
        self._lock = threading.Lock()
        self._looks: list[Callable[[], None]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def add(self, name: str, labels: Labels = (), amount: float = 1) -> None:
        """Raise a counter."""
        with self._lock:
            series = self._numbers[name]
            series[labels] = series.get(labels, 0) + amount

    def set(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._numbers[name][labels] = value

    def remove(self, name: str, labels: Labels) -> None:
        """End a gauge's series."""
        with self._lock:
            self._numbers[name].pop(labels, None)

    def observe(self, name: str, labels: Labels, value: float) -> None:
        """Add one observation to a histogram."""
        with self._lock:
            self._series(name, labels).observe(value)

    def observe_ages(
        self, name: str, labels: Labels, timestamps_ms: Sequence[int], now_ms: int
    ) -> None:
        """Add the ages of sorted timestamps to a histogram."""
        with self._lock:
            self._series(name, labels).observe_ages(timestamps_ms, now_ms)

    def total(self, name: str, **labels: str) -> float:
        """The sum of a counter or gauge over all series that carry these labels."""
        wanted = [(BY_NAME[name].labels.index(label), value) for label, value in labels.items()]
        with self._lock:
            series = list(self._numbers[name].items())
        return sum(
            number for have, number in series if all(have[index] == v for index, v in wanted)
        )

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """The sums of a counter or gauge by the values of one label."""
        index = BY_NAME[name].labels.index(label)
        with self._lock:
            series = list(self._numbers[name].items())
        sums: dict[str, float] = {}
        for have, number in series:
            sums[have[index]] = sums.get(have[index], 0) + number
        return sums

    def before_each_scrape(self, look: Callable[[], None]) -> None:
        """Have `look` set what only a look can tell."""
        self._looks.append(look)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """What a scraper that accepts these types is sent, and its content type."""
        for look in self._looks:
            look()
        encoder: Callable[[Any], bytes]
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """All series, as Prometheus's encoder wants them."""
        with self._lock:
            numbers = {name: list(series.items()) for name, series in self._numbers.items()}
            bins = {
                name: [
                    (labels, tuple(series.counts), series.sum) for labels, series in all_.items()
                ]
                for name, all_ in self._bins.items()
            }
        for row in CATALOGUE:
            if row.kind == "histogram":
                yield _histogram(row, bins[row.name])
            else:
                yield _numbers(row, numbers[row.name])

    def _series(self, name: str, labels: Labels) -> Bins:
        series = self._bins[name]
        if labels not in series:
            series[labels] = Bins(BY_NAME[name].buckets)
        return series[labels]


def _numbers(row: Row, series: list[tuple[Labels, float]]) -> Metric:
    family: Any = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    metric = family(PREFIX + row.name, row.help, labels=row.labels)
    for labels, number in series:
        metric.add_metric(labels, number)
    return metric  # type: ignore[no-any-return]  # the two families share no typed parent


def _histogram(row: Row, series: list[tuple[Labels, tuple[int, ...], float]]) -> Metric:
    metric = HistogramMetricFamily(PREFIX + row.name, row.help, labels=row.labels)
    edges = [*map(str, row.buckets), "+Inf"]
    for labels, counts, total in series:
        cumulative, below = [], 0
        for edge, count in zip(edges, counts, strict=True):
            below += count
            cumulative.append((edge, float(below)))
        metric.add_metric(labels, cumulative, total)
    return metric
