"""The boards of the whole, of the streams and of the processes."""

from dashboards.panels import Board, Panel, quantiles, rates

OVERVIEW = Board(
    "overview",
    "Is it well? Switches, promises and budgets, orders, events, lag. Start here.",
    (
        Panel("Profile", "The profile that runs. Two at once: a process was started with other settings.", "none", (("max by (profile) (headrace_profile_info)", "{{profile}}"),), kind="stat"),
        Panel("Kill switch", "Engaged switches by kind of scope. Red: entries are refused; runbook KillSwitchEngaged.", "none", (("max by (scope) (headrace_kill_switch_engaged)", "{{scope}}"),), "any", "stat"),
        Panel("Simulation", "On: accounts of production are simulated too.", "bool_on_off", (("max(headrace_simulation_enabled)", "simulation"),), kind="stat"),
        Panel("Open breakers", "Symbols whose circuit breaker is open. Red: entries of these symbols are refused; look at the risk board.", "none", (("sum(headrace_breaker_state == bool 2)", "open"),), "any", "stat"),
        Panel("Promises kept", "Share of the last 30 days, as far as Prometheus has them.", "percentunit", (("1 - slo:sli_error:ratio_rate30d", "{{slo}}"),), kind="stat"),
        Panel("Error budget left", "Of 30 days. Red: it is spent; stop risky changes.", "percentunit", (("1 - slo:sli_error:ratio_rate30d / on(slo) slo:error_budget:ratio", "{{slo}}"),), "budget_left", "stat"),
        Panel("Budget burn", "How many times too fast, over an hour. Red wakes people; runbook of the promise.", "none", (("slo:sli_error:ratio_rate1h / on(slo) slo:error_budget:ratio", "{{slo}}"),), "burn"),
        Panel("Orders and fills", "Commands decided and executions, each second. Orders without fills: look at the funnel.", "ops", (*rates("orders_total"), *rates("fills_total"))),
        Panel("Rejected share by reason", "Of all commands. High: runbook RejectsHigh.", "percentunit", (("sum by (reason) (rate(headrace_rejections_total[R])) / ignoring(reason) group_left sum(rate(headrace_orders_total[R]))", "{{reason}}"),)),
        Panel("Events in", "Input records of committed chunks. Zero with a live feed: runbook CommitStalled.", "ops", rates("events_total")),
        Panel("Worst lag", "Age of the oldest unread record. Red: runbook LagHigh.", "s", (("max(headrace_lag_seconds)", "lag"),), "lag"),
        Panel("Insecure settings", "By flag. Red: runbook InsecureDefault; in simulation it is meant.", "none", (("sum by (flag) (headrace_insecure_default_enabled)", "{{flag}}"),), "any", "stat"),
        Panel("Firing alerts", "What fires now; each has a runbook.", "none", (('sum by (alertname, severity) (ALERTS{alertstate="firing",service="headrace"})', "{{alertname}} {{severity}}"),), kind="table"),
    ),
)  # fmt: skip

STREAMS = Board(
    "streams",
    "Events in and out of the routes, what holds them up, and how transactions do.",
    (
        Panel("Events in by topic", "Input records of committed chunks. Flat at zero while a feed is connected: the worker's /readyz, and lag.", "ops", rates("events_total", "route", "topic")),
        Panel("Events out by topic", "Output records of committed chunks.", "ops", rates("outputs_total", "route", "topic")),
        Panel("Event age at commit", "Commit wall time less record time. Red: lag, or the feed's clock.", "s", quantiles("event_age_seconds", "route", 0.5, 0.95, 0.99), "age"),
        Panel("Chunk size", "Grows under load: that is how it keeps up.", "none", quantiles("chunk_records", "route", 0.5, 0.99)),
        Panel("Chunk time by phase", "Mean time to commit. Commit grows: the broker's disk.", "s", (("sum by (route, phase) (rate(headrace_chunk_seconds_sum[R])) / sum by (route, phase) (rate(headrace_chunk_seconds_count[R]))", "{{route}} {{phase}}"),)),
        Panel("Dead letters", "Records that could not be used, by topic and reason. Any: headrace dlq list.", "ops", rates("dead_letters_total", "topic", "reason"), "any"),
        Panel("Future and skipped records", "Ahead of our clock, and quotes and trades that made no feature. Future: runbook ClockAhead.", "ops", (*rates("future_records_total", "topic"), *rates("features_skipped_total", "reason"))),
        Panel("Watermark delay", "Our clock less the latest event time committed. Grows: no events come, or lag.", "s", (("time() - max by (topic) (headrace_watermark_timestamp_seconds)", "{{topic}}"),)),
        Panel("Lag in records", "Committed in the log and not read.", "none", (("max by (topic, partition) (headrace_lag_records)", "{{topic}} {{partition}}"),)),
        Panel("Lag in seconds", "Age of the oldest unread record. Red: runbook LagHigh.", "s", (("max by (topic) (headrace_lag_seconds)", "{{topic}}"),), "lag"),
        Panel("Skew of lag", "The worst partition by the mean. Far above 1: one symbol or account has it all.", "none", (("max by (topic) (headrace_lag_records) / clamp_min(avg by (topic) (headrace_lag_records), 1)", "{{topic}}"),)),
        Panel("Time to drain", "At the rate of the last five minutes.", "s", (("sum by (topic) (headrace_lag_records) / clamp_min(sum by (topic) (deriv(headrace_committed_offset[5m])) - sum by (topic) (deriv(headrace_stable_offset[5m])), 0.000000001) < 86400", "{{topic}}"),)),
        Panel("Transactions by outcome", "Whatever is no commit ends the worker.", "ops", rates("transactions_total", "group", "outcome")),
        Panel("Transaction time q99", "Red: the broker's disk, or its replicas.", "s", quantiles("transaction_seconds", "group", 0.99), "transaction"),
        Panel("Open records", "Offsets behind an undecided transaction. Stays above 0: runbook OpenTransactionOld.", "none", (("max by (topic, partition) (headrace_open_records)", "{{topic}} {{partition}}"),)),
        Panel("Rebalances", "In an hour. Many: runbook RebalanceLoop.", "none", (("sum(increase(headrace_rebalances_total[1h]))", "rebalances"),)),
        Panel("Rebalance time q95", "From losing the former assignment to the new one. Red: large tables, slow broker.", "s", (("histogram_quantile(0.95, sum by (le) (increase(headrace_rebalance_seconds_bucket[1h])))", "q95"),), "rebalance"),
        Panel("Restored and at work", "0: the worker restores its tables; runbook RecoverySlow.", "none", (("min by (instance) (headrace_ready)", "{{instance}}"),), "down"),
        Panel("Keys restored by table", "As of the last restore.", "none", (("sum by (table) (headrace_table_keys)", "{{table}}"),)),
        Panel("Loop lag q99", "How late the event loop is. Red: something computes for long, or the machine is full.", "s", (("histogram_quantile(0.99, sum by (le, instance) (rate(headrace_loop_lag_seconds_bucket[R])))", "{{instance}}"),), "loop"),
    ),
)  # fmt: skip

RUNTIME = Board(
    "runtime",
    "The processes: CPU, memory, descriptors, restarts, builds.",
    (
        Panel("CPU", "Of one core. 100 % for long: one more worker.", "percentunit", (("sum by (instance) (rate(process_cpu_seconds_total[R]))", "{{instance}}"),)),
        Panel("Resident memory", "Red: it grows; runbook MemoryHigh.", "bytes", (("max by (instance) (process_resident_memory_bytes)", "{{instance}}"),), "memory"),
        Panel("File descriptors", "In use by allowed. Red: connections leak.", "percentunit", (("max by (instance) (process_open_fds) / max by (instance) (process_max_fds)", "{{instance}}"),), "descriptors"),
        Panel("Garbage collections", "By generation, each second.", "ops", (("sum by (instance, generation) (rate(python_gc_collections_total[R]))", "{{instance}} {{generation}}"),)),
        Panel("Restarts", "In an hour. Many: runbook RestartLoop.", "none", (("sum by (instance) (changes(process_start_time_seconds[1h]))", "{{instance}}"),)),
        Panel("Up for", "Since the last start.", "s", (("time() - max by (instance) (process_start_time_seconds)", "{{instance}}"),)),
        Panel("Secrets read again", "Changed files of secrets. Refused: runbook SecretReloadFailed.", "none", (("sum by (secret, outcome) (increase(headrace_secret_reloads_total[1h]))", "{{secret}} {{outcome}}"),)),
        Panel("Build", "What runs. Two versions at once: a deploy is under way.", "none", (("sum by (version, python) (headrace_build_info)", "{{version}} on {{python}}"),), kind="table"),
    ),
)  # fmt: skip
