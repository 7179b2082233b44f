"""The board of the API and of the feeds."""

from dashboards.panels import Board, Panel, quantile, quantiles, rates

API = Board(
    "api",
    "Requests and the live stream, who is turned away, the audit log; and what the venues send.",
    (
        Panel("Requests", "By route and status.", "ops", rates("http_requests_total", "route", "status")),
        Panel("5xx share", "Red: runbook ApiErrors.", "percentunit", (('(sum by (route) (rate(headrace_http_requests_total{status=~"5.."}[R])) or 0 * sum by (route) (rate(headrace_http_requests_total[R]))) / sum by (route) (rate(headrace_http_requests_total[R]))', "{{route}}"),), "errors"),
        Panel("Answer time p99", "Red: promise api-latency.", "s", ((quantile(0.99, "http_request_seconds", "route"), "{{route}}"),), "answer"),
        Panel("In flight", "Requests that are being answered.", "none", (("sum(headrace_http_in_flight)", "requests"),)),
        Panel("Turned away", "By reason. Many: runbook AuthDenied.", "ops", rates("http_denied_total", "reason")),
        Panel("Live stream", "Clients, and those that did not keep up.", "none", (("sum(headrace_sse_clients)", "clients"), ("sum by (reason) (increase(headrace_sse_dropped_total[1h]))", "dropped {{reason}}"))),
        Panel("Questions to the history", "Asked by allowed. Red: runbook PoolFull.", "percentunit", (('sum(headrace_pool_connections{state="asked"}) / sum(headrace_pool_connections{state="max"})', "asked"),), "pool"),
        Panel("Audit log", "Its newest entry.", "none", (("max(headrace_audit_head_sequence)", "entry"),)),
        Panel("Audit log broken", "Red: runbook AuditBroken.", "none", (("max(headrace_audit_broken)", "broken"),), "any", "stat"),
        Panel("Feed messages", "By venue and channel.", "ops", rates("feed_messages_total", "venue", "channel")),
        Panel("Feeds connected", "Red: runbook FeedDown.", "none", (("min by (venue) (headrace_feed_connected)", "{{venue}}"),), "down", "stat"),
        Panel("Feed trouble", "Reconnects, gaps, and messages kept out.", "ops", (*rates("feed_reconnects_total", "venue", "reason"), *rates("feed_gaps_total", "venue"), *rates("feed_quarantined_total", "venue", "reason"))),
        Panel("Venue delay q95", "From the venue's time to ours; not ours to mend.", "s", quantiles("feed_delay_seconds", "venue", 0.95)),
        Panel("Ingest q99", "From receipt to the broker's word. Red: promise ingest-latency.", "s", quantiles("ingest_seconds", "venue", 0.99), "ingest"),
    ),
)  # fmt: skip
