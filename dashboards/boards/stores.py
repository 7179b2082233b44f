"""The boards of the sinks and their database, of the brokers, and of replays."""

from dashboards.panels import Board, Panel, quantiles, rates

SINKS = Board(
    "sinks",
    "From the log into the stores: how far behind, how fast, and whether copies exist.",
    (
        Panel("Rows by table", "New rows committed.", "ops", rates("sink_rows_total", "sink", "table")),
        Panel("Batch size", "Median rows of a transaction.", "none", quantiles("sink_batch_rows", "sink", 0.5)),
        Panel("Flush time q99", "Red: the database's disk or locks.", "s", quantiles("sink_flush_seconds", "sink", 0.99), "flush"),
        Panel("Row age q99", "Commit wall time less record time. Red: promise history-fresh.", "s", quantiles("sink_row_age_seconds", "sink", 0.99), "lag"),
        Panel("Lag in records", "Committed in the log and not in the store.", "none", (("max by (sink) (headrace_sink_lag_records)", "{{sink}}"),)),
        Panel("Lag in seconds", "Red: runbook SinkBehind.", "s", (("max by (sink) (headrace_sink_lag_seconds)", "{{sink}}"),), "lag"),
        Panel("Records held", "Of the lag, in memory.", "none", (("max by (sink) (headrace_sink_queue_records)", "{{sink}}"),)),
        Panel("Connected", "Red: runbook SinkDisconnected.", "none", (("min by (sink) (headrace_sink_connected)", "{{sink}}"),), "down", "stat"),
        Panel("Retries", "By reason.", "ops", rates("sink_retries_total", "sink", "reason")),
        Panel("Conflicts", "Rows that were there already, in an hour. Red: runbook SinkConflicts.", "none", (("sum by (sink) (increase(headrace_sink_conflicts_total[1h]))", "{{sink}}"),), "any"),
        Panel("Chunks", "Of TimescaleDB, by state.", "none", (("max by (state) (headrace_history_chunks)", "{{state}}"),)),
        Panel("Compression", "Bytes before to bytes after.", "none", (("max(headrace_history_compression_ratio)", "ratio"),)),
        Panel("Backup age", "Of each part. Red: runbook BackupOld.", "s", (("time() - max by (part) (headrace_backup_timestamp_seconds)", "{{part}}"),), "backup"),
        Panel("Drill age", "Since a part was lost and brought back. Red: runbook DrillOld.", "s", (("time() - max by (part) (headrace_drill_timestamp_seconds)", "{{part}}"),), "drill"),
        Panel("Time of the last drill", "How long bringing it back took.", "s", (("max by (part) (headrace_drill_recovery_seconds)", "{{part}}"),)),
        Panel("Age of the newest row", "By table. A table that nobody writes to grows old.", "s", """
            SELECT 'trades' AS "table", extract(epoch FROM now() - max(ts))::float8 AS age FROM trades
            UNION ALL SELECT 'marks', extract(epoch FROM now() - max(ts))::float8 FROM marks
            UNION ALL SELECT 'decisions', extract(epoch FROM now() - max(ts))::float8 FROM decisions
            UNION ALL SELECT 'order_events', extract(epoch FROM now() - max(ts))::float8 FROM order_events
            UNION ALL SELECT 'fills', extract(epoch FROM now() - max(ts))::float8 FROM fills""", kind="table"),
        Panel("Rows that no table took", "With the reason.", "none", """
            SELECT ts AS time, refused_by, origin_topic, origin_partition, origin_offset, reason, error
            FROM refused_records WHERE $__timeFilter(ts) ORDER BY ts DESC LIMIT 50""", kind="table"),
    ),
)  # fmt: skip

KAFKA = Board(
    "kafka",
    "The brokers, from the JMX exporter's rules in k8s; a broker of `headrace up` has no exporter.",
    (
        Panel("Under-replicated partitions", "Red: runbook KafkaUnderReplicated.", "none", (("sum(kafka_server_replicamanager_underreplicatedpartitions)", "partitions"),), "any"),
        Panel("Offline partitions", "Red: runbook KafkaOffline.", "none", (("sum(kafka_controller_offlinepartitionscount)", "partitions"),), "any"),
        Panel("Under-min-ISR partitions", "Red: writes to them fail.", "none", (("sum(kafka_server_replicamanager_underminisrpartitioncount)", "partitions"),), "any"),
        Panel("Active controllers", "Must be 1: runbook KafkaNoController.", "none", (("sum(kafka_controller_activecontrollercount)", "controllers"),), kind="stat"),
        Panel("ISR shrinks and unclean elections", "An unclean election loses records.", "ops", (("sum(rate(kafka_server_replicamanager_isrshrinkspersec_total[R]))", "shrinks"), ("sum(rate(kafka_controller_uncleanleaderelectionspersec_total[R]))", "unclean"))),
        Panel("Bytes in and out", "Of all brokers.", "Bps", (("sum(rate(kafka_server_bytesinpersec_total[R]))", "in"), ("sum(rate(kafka_server_bytesoutpersec_total[R]))", "out"))),
        Panel("Request time p99", "Of produce and fetch.", "ms", (("max by (request) (kafka_request_p99_milliseconds)", "{{request}}"),)),
        Panel("Request handlers idle", "Red: one more broker.", "percentunit", (("min(kafka_request_handler_idle_ratio)", "idle"),), "idle"),
        Panel("Failed requests", "Of producers and consumers.", "ops", (("sum(rate(kafka_server_failedproducerequestspersec_total[R]))", "produce"), ("sum(rate(kafka_server_failedfetchrequestspersec_total[R]))", "fetch"))),
        Panel("Log size by topic", "On disk, all replicas.", "bytes", (("sum by (topic) (kafka_log_size_bytes)", "{{topic}}"),)),
    ),
)  # fmt: skip

REPLAY = Board(
    "replay",
    "Replays, backtests and trainings: processes that end, so their figures are rows and not series.",
    (
        Panel("Runs", "The last 50, with what they came to.", "none", """
            SELECT started_at AS time, run_id, kind, state, ended_at - started_at AS took, error, config, result FROM runs
            UNION ALL
            SELECT coalesce(started_at, queued_at), run_id, 'training', state, ended_at - started_at, error, config, metrics
            FROM train_runs
            UNION ALL
            SELECT started_at, run_id, 'backfill', state, ended_at - started_at, error, NULL, NULL FROM backfill_runs
            ORDER BY 1 DESC LIMIT 50""", kind="table"),
        Panel("Runs under way", "A heartbeat older than a minute: its process is gone.", "s", """
            SELECT run_id, 'training' AS kind, extract(epoch FROM now() - heartbeat_at)::float8 AS heartbeat_age
            FROM train_runs WHERE state = 'running'
            UNION ALL
            SELECT run_id, 'backfill', extract(epoch FROM now() - heartbeat_at)::float8
            FROM backfill_runs WHERE state = 'running'""", "lag", "table"),
        Panel("Equity of runs", "By run and account.", "none", """
            SELECT ts AS time, run_id || ' ' || account AS metric, equity FROM run_equity ORDER BY 1 LIMIT 10000"""),
        Panel("Topic partitions of replays and their hashes", "Two runs of one manifest have equal hashes.", "none", """
            SELECT done_at AS time, run_id, step, row_count, sha256 FROM run_tracker ORDER BY done_at DESC LIMIT 50""", kind="table"),
    ),
)  # fmt: skip
