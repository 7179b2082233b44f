"""Every metric of Headrace, declared once as a row; `metrics` keeps the figures."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "headrace_"
SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
RECORDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0)

QUICK = (0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0)
RATIOS = (0.0, 0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1)

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
    Row("loop_lag_seconds", "histogram", (), "How late the event loop's second came", "binding"),
    Row("ready", "gauge", (), "1: /readyz would answer 200", "every process"),
    Row("future_records_total", "counter", ("topic",), "Records over 0.2 s ahead of our clock", "binding"),
    Row("watermark_timestamp_seconds", "gauge", ("topic",), "Latest event time committed", "binding"),
    Row("transactions_total", "counter", ("group", "outcome"), "Kafka transactions by their end", "transport"),
    Row("transaction_seconds", "histogram", ("group",), "Time of a Kafka transaction", "transport"),
    Row("lag_records", "gauge", ("topic", "partition"), "Stable offset less committed offset", "transport"),
    Row("lag_seconds", "gauge", ("topic", "partition"), "How long the oldest unread record waits", "transport"),
    Row("committed_offset", "gauge", ("topic", "partition"), "Next offset to read", "transport"),
    Row("stable_offset", "gauge", ("topic", "partition"), "End of what is committed", "transport"),
    Row("open_records", "gauge", ("topic", "partition"), "Offsets behind an undecided transaction", "transport"),
    Row("partitions_assigned", "gauge", ("group",), "Partitions of this process", "transport"),
    Row("rebalances_total", "counter", (), "Rebalances this process took part in", "transport"),
    Row("rebalance_seconds", "histogram", (), "Time of a rebalance", "transport"),
    Row("recovery_seconds", "histogram", ("table",), "Time to restore a table", "transport"),
    Row("table_keys", "gauge", ("table",), "Keys of a table when it was restored", "transport"),
    Row("orders_total", "counter", ("type",), "Commands decided, by kind", "sink"),
    Row("order_events_total", "counter", ("event",), "Steps in the lives of orders", "sink"),
    Row("rejections_total", "counter", ("reason",), "Commands refused by risk", "sink"),
    Row("fills_total", "counter", ("symbol", "liquidity"), "Executions", "sink"),
    Row("duplicates_total", "counter", ("kind",), "Commands that were answered before", "sink"),
    Row("latches_total", "counter", ("reason",), "Accounts that reached a limit of a day or of drawdown", "sink"),
    Row("alarms_total", "counter", ("reason",), "Orders that have waited for a minute, each told once", "sink"),
    Row("protective_exits_total", "counter", ("kind",), "Fills of stops and targets of brackets", "sink"),
    Row("slippage_ratio", "histogram", ("liquidity",), "Worse than the book, by its price", "sink", RATIOS),
    Row("predictions_total", "counter", ("model", "version", "role"), "Predictions by what serves", "sink"),
    Row("abstentions_total", "counter", ("model", "reason"), "Predictions that may not be acted on", "sink"),
    Row("predict_seconds", "histogram", ("model",), "Time of all answers to a vector", "learner", QUICK),
    Row("learn_seconds", "histogram", ("model",), "Time of the labels that a vector made known", "learner", QUICK),
    Row("labels_pending", "gauge", ("model",), "Predictions that wait for their labels", "learner"),
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
    Row("feed_delay_seconds", "histogram", ("venue",), "From the venue's time to ours, at the newest event", "feed"),
    Row("ingest_seconds", "histogram", ("venue",), "From receipt to the broker's word, by batch", "feed"),
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
    Row("backup_timestamp_seconds", "gauge", ("part",), "Newest copy: history, registry, audit", "sink"),
    Row("drill_timestamp_seconds", "gauge", ("part",), "Newest drill that passed", "api"),
    Row("drill_recovery_seconds", "gauge", ("part",), "How long the recovery in it took", "api"),
    Row("feature_timestamp_seconds", "gauge", ("view",), "Event time of the newest online row", "sink"),
    Row("swaps_total", "counter", ("model", "kind"), "Changes of what serves", "promotion"),
    Row("champion_evalue", "gauge", ("model",), "Evidence of the best candidate against it", "promotion"),
    Row("labels_to_decision", "gauge", ("model",), "Labels that the nearest candidate still needs", "promotion"),
    Row("train_runs_total", "counter", ("model", "state"), "Trainings that ended", "promotion"),
    Row("model_age_seconds", "gauge", ("model",), "Age of the newest version in batch that may serve", "promotion"),
    Row("promotion_seconds", "histogram", (), "Time of a pass over all models", "promotion"),
    Row("http_requests_total", "counter", ("route", "method", "status"), "Requests answered", "api"),
    Row("http_request_seconds", "histogram", ("route",), "Time to answer", "api"),
    Row("http_denied_total", "counter", ("reason",), "Requests turned away", "api"),
    Row("sse_clients", "gauge", (), "Clients of the live stream", "api"),
    Row("sse_dropped_total", "counter", ("reason",), "Clients that did not keep up", "api"),
    Row("http_in_flight", "gauge", (), "Requests that are being answered", "api"),
    Row("pool_connections", "gauge", ("state",), "Questions to the history: asked, waiting, max", "api"),
    Row("open_orders", "gauge", ("symbol",), "Orders that are not over", "api"),
    Row("exposure_notional", "gauge", ("symbol", "side"), "Positions at marks: gross, net", "api"),
    Row("limit_used_ratio", "gauge", ("limit",), "Largest use of a limit over the accounts", "api"),
    Row("mark_age_seconds", "gauge", ("symbol",), "Our clock less the mark's time", "api"),
    Row("breaker_state", "gauge", ("symbol",), "0 closed, 2 open", "api"),
    Row("kill_switch_engaged", "gauge", ("scope",), "Engaged switches by the kind of their scope", "api"),
    Row("kill_unfinished_seconds", "gauge", (), "Age of the oldest kill that left an order open", "api"),
    Row("audit_head_sequence", "gauge", (), "Newest entry of the audit log", "api"),
    Row("audit_broken", "gauge", (), "1: the audit log is not as it was written", "api"),
    Row("simulation_enabled", "gauge", (), "1: accounts of production are simulated too", "every process"),
    Row("profile_info", "gauge", ("profile",), "1, with the profile that runs as label", "every process"),
    Row("insecure_default_enabled", "gauge", ("flag",), "1: runs with this insecure setting", "every process"),
    Row("secret_reloads_total", "counter", ("secret", "outcome"), "Changed secrets by outcome", "every process"),
    Row("build_info", "gauge", ("version", "python"), "1, with what runs as labels", "every process"),
)  # fmt: skip

BY_NAME: dict[str, Row] = {row.name: row for row in CATALOGUE}
