"""Every metric of Headrace, declared once, and the store behind `/metrics`; the only file that knows Prometheus."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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

PREFIX = "headrace_"
SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
RECORDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0)

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One metric. name: without the prefix; buckets: upper edges of a histogram; emitter: who feeds it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    help: str
    emitter: str
    buckets: tuple[float, ...] = SECONDS


CATALOGUE: tuple[Row, ...] = (
    Row("events_total", "counter", ("route", "topic"), "Input records of committed chunks", "binding"),
    Row("outputs_total", "counter", ("route", "topic"), "Output records of committed chunks", "binding"),
    Row("chunks_total", "counter", ("route",), "Committed chunks", "binding"),
    Row("chunk_records", "histogram", ("route",), "Input records of a chunk", "binding", RECORDS),
    Row("chunk_seconds", "histogram", ("route", "phase"), "Time of a chunk by phase", "binding"),
    Row("event_age_seconds", "histogram", ("route",), "Commit wall time less record time", "binding"),
    Row("stage_seconds", "histogram", ("stage",), "Commit wall time less an order's time", "binding"),
    Row("dead_letters_total", "counter", ("topic", "reason"), "Records that could not be used", "binding"),
    Row("features_skipped_total", "counter", ("reason",), "Quotes and trades that made no feature", "binding"),
    Row("trades_side_inferred_total", "counter", (), "Trades whose aggressor the venue did not tell", "binding"),
    Row("future_records_total", "counter", ("topic",), "Records over 0.2 s ahead of our clock", "binding"),
    Row("watermark_timestamp_seconds", "gauge", ("topic",), "Latest event time committed", "binding"),
    Row("transactions_total", "counter", ("group", "outcome"), "Kafka transactions by their end", "transport"),
    Row("transaction_seconds", "histogram", ("group",), "Time of a Kafka transaction", "transport"),
    Row("lag_records", "gauge", ("topic", "partition"), "Stable offset less committed offset", "transport"),
    Row("partitions_assigned", "gauge", ("group",), "Partitions of this process", "transport"),
    Row("rebalances_total", "counter", (), "Rebalances this process took part in", "transport"),
    Row("rebalance_seconds", "histogram", (), "Time of a rebalance", "transport"),
    Row("recovery_seconds", "histogram", ("table",), "Time to restore a table", "transport"),
    Row("table_keys", "gauge", ("table",), "Keys of a table when it was restored", "transport"),
    Row("orders_total", "counter", ("type",), "Commands decided, by kind", "sink"),
    Row("order_events_total", "counter", ("event",), "Steps in the lives of orders", "sink"),
    Row("rejections_total", "counter", ("reason",), "Commands refused by risk", "sink"),
    Row("fills_total", "counter", ("symbol", "liquidity"), "Executions", "sink"),
    Row("predictions_total", "counter", ("model", "version", "role"), "Predictions by what serves", "sink"),
    Row("abstentions_total", "counter", ("model", "reason"), "Predictions that may not be acted on", "sink"),
    Row("labels_total", "counter", ("model", "state"), "Labels that ended", "sink"),
    Row("label_lag_seconds", "histogram", ("model",), "Event time from a vector to its label", "sink"),
    Row("model_metric", "gauge", ("model", "version", "metric"), "Score over the last thousand labels", "sink"),
    Row("mixture_weight", "gauge", ("model", "expert"), "Weight of an expert in the mixture", "sink"),
    Row("drift_alarms_total", "counter", ("model", "version"), "Rises of a loss that a detector found", "sink"),
    Row("model_refused_total", "counter", ("model", "version"), "Records served without a refused champion", "sink"),
    Row("alias_late_total", "counter", ("model",), "Aliases that came after their event time", "sink"),
    Row("feed_messages_total", "counter", ("venue", "channel"), "Messages acknowledged by the broker", "feed"),
    Row("feed_connected", "gauge", ("venue",), "1: the venue's stream lives", "feed"),
    Row("feed_reconnects_total", "counter", ("venue", "reason"), "Streams opened again", "feed"),
    Row("feed_gaps_total", "counter", ("venue",), "Jumps of the venue's sequence", "feed"),
    Row("feed_quarantined_total", "counter", ("venue", "reason"), "Messages that could not be used", "feed"),
    Row("sink_rows_total", "counter", ("sink", "table"), "New rows committed", "sink"),
    Row("sink_conflicts_total", "counter", ("sink",), "Rows that were there already; should be 0", "sink"),
    Row("sink_retries_total", "counter", ("sink", "reason"), "Writes that failed", "sink"),
    Row("sink_batch_rows", "histogram", ("sink",), "Rows of a batch", "sink", RECORDS),
    Row("sink_flush_seconds", "histogram", ("sink",), "Time of a batch's SQL transaction", "sink"),
    Row("sink_row_age_seconds", "histogram", ("sink",), "Commit wall time less record time", "sink"),
    Row("sink_lag_records", "gauge", ("sink",), "Committed in the log, not yet in the store", "sink"),
    Row("sink_lag_seconds", "gauge", ("sink",), "Age of what is not in the store yet; 0: nothing", "sink"),
    Row("sink_queue_records", "gauge", ("sink",), "Of them, held in memory", "sink"),
    Row("sink_connected", "gauge", ("sink",), "1: the store answers", "sink"),
    Row("history_chunks", "gauge", ("state",), "TimescaleDB's chunks: rowstore, columnstore", "sink"),
    Row("history_compression_ratio", "gauge", (), "Bytes before compression to those after", "sink"),
    Row("feature_timestamp_seconds", "gauge", ("view",), "Event time of the newest online row", "sink"),
    Row("swaps_total", "counter", ("model", "kind"), "Changes of what serves", "promotion"),
    Row("champion_evalue", "gauge", ("model",), "Evidence of the best candidate against it", "promotion"),
    Row("train_runs_total", "counter", ("model", "state"), "Trainings that ended", "promotion"),
    Row("model_age_seconds", "gauge", ("model",), "Age of the newest version in batch that may serve", "promotion"),
    Row("promotion_seconds", "histogram", (), "Time of a pass over all models", "promotion"),
    Row("http_requests_total", "counter", ("route", "method", "status"), "Requests answered", "api"),
    Row("http_request_seconds", "histogram", ("route",), "Time to answer", "api"),
    Row("http_denied_total", "counter", ("reason",), "Requests turned away", "api"),
    Row("sse_clients", "gauge", (), "Clients of the live stream", "api"),
    Row("sse_dropped_total", "counter", ("reason",), "Clients that did not keep up", "api"),
    Row("profile_info", "gauge", ("profile",), "1, with the profile that runs as label", "every process"),
    Row("insecure_default_enabled", "gauge", ("flag",), "1: runs with this insecure setting", "every process"),
    Row("build_info", "gauge", ("version", "python"), "1, with what runs as labels", "every process"),
)  # fmt: skip

BY_NAME: dict[str, Row] = {row.name: row for row in CATALOGUE}


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
