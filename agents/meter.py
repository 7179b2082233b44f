"""What the parts report, turned into metrics; the composition roots make one a process and pass it down."""

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Literal

from agents import model_meter
from agents.metrics import Labels, Metrics
from streams.messages import Decision, Fill, OrderEvent
from streams.predictions import Label, Prediction

FUTURE_MS = 200
STAGES = {
    "predictions": "decision",
    "orders": "risk",
    "orders.accepted": "first_event",
    "fills": "fill",
}
"""What is done with an order when a record of the topic has been committed; a prediction bears its tick's time."""

OF_PARTITIONS = (
    "lag_records",
    "lag_seconds",
    "committed_offset",
    "stable_offset",
    "open_records",
)


EXITS = {"/sl": "stop", "/tp": "target"}
"""How the orders of a bracket's exits end."""


class ProcessMeter:
    """The meter of one process over its metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        metrics.set("build_info", (version("headrace"), platform.python_version()), 1)

    def chunk(
        self,
        route: str,
        times_ms: Mapping[str, Sequence[int]],
        outputs: Mapping[str, int],
        seconds: Mapping[str, float],
        committed_ms: int,
    ) -> None:
        metrics = self._metrics
        metrics.add("chunks_total", (route,))
        metrics.observe("chunk_records", (route,), sum(map(len, times_ms.values())))
        for topic, times in times_ms.items():
            metrics.add("events_total", (route, topic), len(times))
            self._ages(("event_age_seconds", (route,)), topic, times, committed_ms)
            if stage := STAGES.get(topic):
                metrics.observe_ages("stage_seconds", (stage,), sorted(times), committed_ms)
        for output, records in outputs.items():
            metrics.add("outputs_total", (route, output), records)
        for phase, duration in seconds.items():
            metrics.observe("chunk_seconds", (route, phase), duration)

    def dead_letter(self, topic: str, reason: str, records: int = 1) -> None:
        self._metrics.add("dead_letters_total", (topic, reason), records)

    def counts(self, grown: Mapping[tuple[str, Labels], int]) -> None:
        for (name, labels), amount in grown.items():
            self._metrics.add(name, labels, amount)

    def transaction(
        self, group: str, outcome: Literal["commit", "abort", "fenced", "error"], seconds: float
    ) -> None:
        self._metrics.add("transactions_total", (group, outcome))
        self._metrics.observe("transaction_seconds", (group,), seconds)

    def rebalance(self, seconds: float) -> None:
        self._metrics.add("rebalances_total")
        self._metrics.observe("rebalance_seconds", (), seconds)

    def assigned(self, group: str, partitions: int) -> None:
        self._metrics.set("partitions_assigned", (group,), partitions)

    def recovery(self, table: str, seconds: float, keys: int) -> None:
        self._metrics.observe("recovery_seconds", (table,), seconds)
        self._metrics.set("table_keys", (table,), keys)

    def standing(
        self, topic: str, partition: int, offsets: tuple[int, int, int], waits_s: float
    ) -> None:
        position, stable, end = offsets
        figures = (max(0, stable - position), waits_s, position, stable, max(0, end - stable))
        for name, figure in zip(OF_PARTITIONS, figures, strict=True):
            self._metrics.set(name, (topic, str(partition)), figure)

    def forget(self, topic: str, partition: int) -> None:
        for name in OF_PARTITIONS:
            self._metrics.remove(name, (topic, str(partition)))

    def loop_lag(self, seconds: float) -> None:
        self._metrics.observe("loop_lag_seconds", (), seconds)

    def batch(
        self,
        sink: str,
        rows: Mapping[str, int],
        conflicts: int,
        timestamps_ms: Sequence[int],
        seconds: float,
        committed_ms: int,
    ) -> None:
        metrics = self._metrics
        for table, count in rows.items():
            metrics.add("sink_rows_total", (sink, table), count)
        metrics.add("sink_conflicts_total", (sink,), conflicts)
        metrics.observe("sink_batch_rows", (sink,), sum(rows.values()))
        metrics.observe("sink_flush_seconds", (sink,), seconds)
        metrics.observe_ages("sink_row_age_seconds", (sink,), sorted(timestamps_ms), committed_ms)

    def outcomes(self, messages: Iterable[object]) -> None:
        counts: Counter[tuple[str, Labels]] = Counter()
        for message in messages:
            match message:
                case OrderEvent():
                    counts["order_events_total", (message.type,)] += 1
                    if message.type == "WAITING":
                        counts["alarms_total", (message.reason,)] += 1
                case Fill():
                    self._filled(message, counts)
                case Decision():
                    _decided(message, counts)
                case Prediction():
                    model_meter.predicted(message, counts, self._metrics)
                case Label():
                    model_meter.labelled(message, counts, self._metrics)
        for (name, labels), count in counts.items():
            self._metrics.add(name, labels, count)

    def retry(self, sink: str, reason: str) -> None:
        self._metrics.add("sink_retries_total", (sink, reason))

    def backlog(self, sink: str, records: int, queued: int, seconds: float = 0.0) -> None:
        self._metrics.set("sink_lag_records", (sink,), records)
        self._metrics.set("sink_queue_records", (sink,), queued)
        self._metrics.set("sink_lag_seconds", (sink,), seconds)

    def chunks(self, counts: Mapping[str, int], ratio: float | None) -> None:
        for state, count in counts.items():
            self._metrics.set("history_chunks", (state,), count)
        if ratio is not None:
            self._metrics.set("history_compression_ratio", (), ratio)

    def backups(self, newest: Mapping[str, float]) -> None:
        for part, seconds in newest.items():
            self._metrics.set("backup_timestamp_seconds", (part,), seconds)

    def connected(self, sink: str, up: bool) -> None:
        self._metrics.set("sink_connected", (sink,), up)

    def feature_time(self, view: str, seconds: float) -> None:
        self._metrics.set("feature_timestamp_seconds", (view,), seconds)

    def ticks(self, venue: str, channel: str, messages: int) -> None:
        self._metrics.add("feed_messages_total", (venue, channel), messages)

    def feed_connected(self, venue: str, up: bool) -> None:
        self._metrics.set("feed_connected", (venue,), up)

    def feed_reconnect(self, venue: str, reason: str) -> None:
        self._metrics.add("feed_reconnects_total", (venue, reason))

    def feed_gap(self, venue: str) -> None:
        self._metrics.add("feed_gaps_total", (venue,))

    def feed_quarantined(self, venue: str, reason: str) -> None:
        self._metrics.add("feed_quarantined_total", (venue, reason))

    def feed_times(self, venue: str, delay_s: float, acked_s: Iterable[float]) -> None:
        self._metrics.observe("feed_delay_seconds", (venue,), max(0.0, delay_s))
        for seconds in acked_s:
            self._metrics.observe("ingest_seconds", (venue,), seconds)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._metrics.add("http_requests_total", (route, method, str(status)))
        self._metrics.observe("http_request_seconds", (route,), seconds)

    def in_flight(self, requests: int) -> None:
        self._metrics.set("http_in_flight", (), requests)

    def denied(self, reason: str) -> None:
        self._metrics.add("http_denied_total", (reason,))

    def streams(self, clients: int) -> None:
        self._metrics.set("sse_clients", (), clients)

    def stream_dropped(self, reason: str) -> None:
        self._metrics.add("sse_dropped_total", (reason,))

    def _filled(self, fill: Fill, counts: Counter[tuple[str, Labels]]) -> None:
        counts["fills_total", (fill.symbol, fill.liquidity)] += 1
        kind = EXITS.get(fill.order_id[-3:])
        if kind is not None:
            counts["protective_exits_total", (kind,)] += 1
        touch = fill.ask if fill.side == "buy" else fill.bid
        if touch:
            worse = max(0, fill.slippage_ticks) / touch
            self._metrics.observe("slippage_ratio", (fill.liquidity,), worse)

    def _ages(
        self,
        histogram: tuple[str, Labels],
        topic: str,
        timestamps_ms: Sequence[int],
        committed_ms: int,
    ) -> None:
        ordered = sorted(timestamps_ms)
        self._metrics.observe_ages(*histogram, ordered, committed_ms)
        self._metrics.set("watermark_timestamp_seconds", (topic,), ordered[-1] / 1000)
        ahead = len(ordered) - bisect_left(ordered, committed_ms + FUTURE_MS + 1)
        if ahead:
            self._metrics.add("future_records_total", (topic,), ahead)


def _decided(decision: Decision, counts: Counter[tuple[str, Labels]]) -> None:
    counts["orders_total", (decision.kind,)] += 1
    match decision.outcome:
        case "rejected":
            counts["rejections_total", (decision.reason,)] += 1
        case "duplicate":
            counts["duplicates_total", (decision.kind,)] += 1
        case "latched":
            counts["latches_total", (decision.reason,)] += 1
        case "told":
            counts["alarms_total", (decision.reason,)] += 1
