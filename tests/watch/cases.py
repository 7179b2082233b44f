"""When each alert must fire and when not, with numbers of its own: a threshold that slips is noticed.

A sample each 30 s. `beyond` is one step over the threshold, `at` on it or one step short of it; an alert that holds
from the start has not fired at `not_yet` ("": it fires at once), and has at `by`.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """Series and their samples, in promtool's notation."""

    alert: str
    beyond: dict[str, str]
    at: dict[str, str]
    not_yet: str
    by: str


LAG = 'headrace_lag_records{instance="w:1",topic="orders",partition="0"}'
COMMITS = 'headrace_transactions_total{instance="w:1",group="account",outcome="commit"}'
ABORTS = 'headrace_transactions_total{instance="w:1",group="account",outcome="abort"}'
REJECTED = 'headrace_rejections_total{reason="NO_CASH"}'
LETTERS = 'headrace_dead_letters_total{topic="orders",reason="NOT_JSON"}'
STUCK = 'headrace_alarms_total{reason="STUCK"}'
SECRET = (
    'headrace_secret_reloads_total{instance="w:1",secret="kafka_password_file",outcome="refused"}'
)
INSECURE = 'headrace_insecure_default_enabled{instance="w:1",flag="readable_secret"}'
STAGING = 'headrace_profile_info{instance="w:1",profile="staging"}'
ORDERS = 'headrace_orders_total{type="new"}'
GOOD = 'headrace_http_requests_total{route="/v1/orders",method="GET",status="200"}'
BAD = 'headrace_http_requests_total{route="/v1/orders",method="GET",status="503"}'


def _gauge(alert: str, series: str, beyond: int, at: int, not_yet: str, by: str) -> Case:
    return Case(alert, {series: f"{beyond}+0x80"}, {series: f"{at}+0x80"}, not_yet, by)


def _counter(alert: str, series: str, not_yet: str, by: str) -> Case:
    """Any growth fires."""
    return Case(alert, {series: "0+1x80"}, {series: "7+0x80"}, not_yet, by)


def _age(alert: str, series: str, seconds: int) -> Case:
    """A moment that stays so many seconds ago; the clock of these tests begins at 0."""
    return Case(alert, {series: f"{-seconds - 30}+30x80"}, {series: f"{-seconds}+30x80"}, "", "0s")


def _backup(part: str) -> str:
    return f'headrace_backup_timestamp_seconds{{instance="s:1",part="{part}"}}'


CASES: tuple[Case, ...] = (
    _gauge("ProcessDown", 'up{job="headrace",instance="w:1"}', 0, 1, "30s", "1m"),
    _gauge("LagHigh", LAG, 20_001, 20_000, "4m30s", "5m"),
    Case(
        "CommitStalled",
        {LAG: "101+0x80", COMMITS: "9+0x80"},
        {LAG: "100+0x80", COMMITS: "9+0x80"},
        "1m",
        "2m",
    ),
    Case(
        "TransactionsFail",
        {COMMITS: "0+98x80", ABORTS: "0+1x80"},
        {COMMITS: "0+100x80", ABORTS: "0+1x80"},
        "5m",
        "6m",
    ),
    Case(
        "RebalanceLoop",
        {"headrace_rebalances_total": "0+0.2x80"},
        {"headrace_rebalances_total": "0+0.16x80"},
        "5m",
        "15m",
    ),
    Case("DeadLetters", {LETTERS: "0+1x80"}, {LETTERS: "0+0x80"}, "0s", "1m"),
    Case("DeadLetters", {LETTERS: "_ 1+0x80"}, {LETTERS: "_ 0+0x80"}, "0s", "1m"),
    Case(
        "RejectsHigh",
        {REJECTED: "0+51x80", ORDERS: "0+100x80"},
        {REJECTED: "0+49x80", ORDERS: "0+100x80"},
        "10m",
        "11m",
    ),
    Case("OrdersWait", {STUCK: "0+1x80"}, {STUCK: "0+0x80"}, "0s", "1m"),
    Case("OrdersWait", {STUCK: "_ 1+0x80"}, {STUCK: "_ 0+0x80"}, "0s", "1m"),
    _counter("ClockAhead", 'headrace_future_records_total{topic="market.trades"}', "5m", "6m"),
    _gauge("FeedDown", 'headrace_feed_connected{venue="KRAKEN"}', 0, 1, "30s", "1m"),
    _counter("FeedGaps", 'headrace_feed_gaps_total{venue="KRAKEN"}', "5m", "6m"),
    _gauge("SinkBehind", 'headrace_sink_lag_records{sink="history"}', 100_001, 100_000, "4m30s", "5m"),
    _gauge("SinkDisconnected", 'headrace_sink_connected{sink="history"}', 0, 1, "30s", "1m"),
    _counter("SinkConflicts", 'headrace_sink_conflicts_total{sink="history"}', "0s", "1m"),
    Case(
        "ApiErrors",
        {GOOD: "0+98x80", BAD: "0+1x80"},
        {GOOD: "0+100x80", BAD: "0+1x80"},
        "5m",
        "6m",
    ),
    Case(
        "AuthDenied",
        {'headrace_http_denied_total{reason="rate"}': "0+31x80"},
        {'headrace_http_denied_total{reason="rate"}': "0+29x80"},
        "5m",
        "11m",
    ),
    Case(
        "InsecureDefault",
        {INSECURE: "1+0x80", STAGING: "1+0x80"},
        {INSECURE: "0+0x80", STAGING: "1+0x80"},
        "30s",
        "1m",
    ),
    _counter("SecretReloadFailed", SECRET, "0s", "1m"),
    _age("BackupOld", 'headrace_backup_timestamp_seconds{part="registry"}', 7_200),
    _age("DrillOld", 'headrace_drill_timestamp_seconds{part="history"}', 8_640_000),
    Case(
        "BackupMissing",
        {STAGING: "1+0x80", _backup("history"): "1+0x80", _backup("audit"): "1+0x80"},
        {STAGING: "1+0x80", **{_backup(part): "1+0x80" for part in ("history", "registry", "audit")}},
        "29m30s",
        "30m",
    ),
    Case("BackupMissing", {STAGING: "1+0x80"}, {_backup("history"): "1+0x80"}, "29m30s", "30m"),
)  # fmt: skip
