"""The boards of orders and of risk."""

from dashboards.panels import Board, Panel, quantiles, rates

ORDERS = Board(
    "orders",
    "From command to fill: what was asked, what came of it, how fast.",
    (
        Panel("Funnel", "Steps in the lives of orders.", "ops", rates("order_events_total", "event")),
        Panel("Stage times", "From an order's time to the commit of each stage. Lines at the promises.", "s", quantiles("stage_seconds", "stage", 0.5, 0.95, 0.99), "stage"),
        Panel("Rejections by reason", "High: runbook RejectsHigh.", "ops", rates("rejections_total", "reason")),
        Panel("Open orders", "Orders that are not over.", "none", (("sum by (symbol) (headrace_open_orders)", "{{symbol}}"),)),
        Panel("Fills", "By symbol and liquidity.", "ops", rates("fills_total", "symbol", "liquidity")),
        Panel("Slippage", "Worse than the book, by its price.", "percentunit", quantiles("slippage_ratio", "liquidity", 0.5, 0.95)),
        Panel("Protective exits", "Stops and targets that filled, in an hour.", "none", (("sum by (kind) (increase(headrace_protective_exits_total[1h]))", "{{kind}}"),)),
        Panel("Duplicates", "Commands that were answered before. Many: a client repeats for ever.", "ops", rates("duplicates_total", "kind")),
        Panel("Last 50 rejections", "With the inputs of the verdict.", "none", """
            SELECT ts AS time, account, client_order_id, symbol, reason, detail, nav, exposure_before, exposure_after
            FROM decisions WHERE $__timeFilter(ts) AND outcome = 'rejected' ORDER BY ts DESC LIMIT 50""", kind="table"),
        Panel("Filled by accepted, each hour", "Low: prices are far from the market.", "percentunit", """
            SELECT time_bucket(interval '1 hour', ts) AS time,
                (sum(filled) / nullif(sum(accepted), 0))::float8 AS filled
            FROM order_funnel_1m WHERE $__timeFilter(ts) GROUP BY 1 ORDER BY 1"""),
        Panel("One order's life", "Type its client order id above: each decision, event and fill, with the place of its cause.", "none", """
            SELECT ts AS time, 'decision' AS step, outcome AS what, reason, command_topic AS topic,
                command_partition AS partition, command_offset AS "offset"
            FROM decisions WHERE client_order_id = '$order'
            UNION ALL SELECT ts, 'event', state, reason, cause_topic, cause_partition, cause_offset
            FROM order_events WHERE client_order_id = '$order'
            UNION ALL SELECT ts, 'fill', qty::text, price::text, cause_topic, cause_partition, cause_offset
            FROM fills WHERE client_order_id = '$order' ORDER BY 1""", kind="table"),
    ),
    ("order",),
)  # fmt: skip

RISK = Board(
    "risk",
    "Limits, exposure, breakers, kills, and what accounts are worth.",
    (
        Panel("Limit use", "Of the account nearest to it. Red: runbook LimitNear.", "percentunit", (("max by (limit) (headrace_limit_used_ratio)", "{{limit}}"),), "limit_use"),
        Panel("Exposure", "Positions at marks, in the quote currency.", "none", (("sum by (symbol, side) (headrace_exposure_notional)", "{{symbol}} {{side}}"),)),
        Panel("Latches", "Accounts that reached a limit of the day or of drawdown, in an hour. Red: runbook LimitLatched.", "none", (("sum by (reason) (increase(headrace_latches_total[1h]))", "{{reason}}"),), "any"),
        Panel("Mark age", "Our clock less the mark's time. Red: runbook MarkStale.", "s", (("max by (symbol) (headrace_mark_age_seconds)", "{{symbol}}"),), "mark_age"),
        Panel("Breakers", "0 closed, 2 open.", "none", (("max by (symbol) (headrace_breaker_state)", "{{symbol}}"),), "any", "state-timeline"),
        Panel("Unfinished kill", "Age of the oldest kill that left an order open. Red: runbook KillStuck.", "s", (("max(headrace_kill_unfinished_seconds)", "age"),), "kill"),
        Panel("Control records refused", "Unsigned, replayed or unreadable. Red: runbook ControlRefused.", "ops", rates("dead_letters_total", "reason", only='{topic="control"}'), "any"),
        Panel("P&L by account", "Realised, before fees, fees and net of each minute's end.", "none", """
            SELECT ts AS time, account || ' ' || symbol AS metric, gross::float8 AS gross, fees::float8 AS fees, net::float8 AS net
            FROM pnl_1m WHERE $__timeFilter(ts) ORDER BY 1"""),
        Panel("Drawdown by account", "Equity below its highest on record. Red: the gate latches near it.", "percentunit", """
            SELECT time, account AS metric, (1 - equity / nullif(max(equity) OVER (PARTITION BY account ORDER BY time), 0))::float8 AS drawdown
            FROM (SELECT time_bucket(interval '1 minute', ts) AS time, account, min(equity) AS equity
                FROM positions WHERE $__timeFilter(ts) AND equity IS NOT NULL GROUP BY 1, 2) AS minutes ORDER BY 1""", "drawdown"),
        Panel("Positions now", "As the last fill left them.", "none", """
            SELECT account, symbol, value ->> 'qty' AS qty, value ->> 'average_price' AS average_price, value ->> 'net' AS net
            FROM current_state WHERE kind = 'position' ORDER BY account, symbol""", kind="table"),
        Panel("Ten accounts by exposure", "Exposure by equity, in the accounts' base currency.", "percentunit", """
            SELECT account, (value ->> 'equity')::float8 AS equity, (value ->> 'exposure')::float8 AS exposure,
                (value ->> 'exposure')::float8 / nullif((value ->> 'equity')::float8, 0) AS share
            FROM current_state WHERE kind = 'account' AND coalesce(value ->> 'equity', '') <> ''
            ORDER BY share DESC NULLS LAST LIMIT 10""", kind="table"),
    ),
)  # fmt: skip
