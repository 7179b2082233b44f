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

OPEN = 'headrace_open_records{topic="orders",partition="0"}'
STABLE = 'headrace_stable_offset{topic="orders",partition="0"}'
EVENTS = 'headrace_events_total{route="account",topic="orders"}'
KILLED = 'headrace_kill_switch_engaged{scope="global"}'
UNFINISHED = "headrace_kill_unfinished_seconds"
LIMIT = 'headrace_limit_used_ratio{limit="gross"}'
LATCHED = 'headrace_latches_total{reason="LATCHED_LOSS"}'
REFUSED = 'headrace_dead_letters_total{topic="control",reason="CONTROL_INVALID"}'
AGED = 'headrace_model_age_seconds{model="up1m"}'
EXPIRED = 'headrace_labels_total{model="micro",state="expired"}'
LABELLED = 'headrace_labels_total{model="micro",state="labelled"}'
BEHIND = 'headrace_sink_lag_seconds{sink="history"}'
ASKED = 'headrace_pool_connections{instance="a:1",state="asked"}'
ALLOWED = 'headrace_pool_connections{instance="a:1",state="max"}'
BROKEN = "headrace_audit_broken"
STARTED = 'process_start_time_seconds{instance="w:1"}'


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


def _bins(alert: str, metric: str, labels: str, edge: str, above: str) -> Case:
    """Three of a hundred between two edges put the q99 between them; none leaves it below the lower one."""
    low, high, all_ = (f'{metric}_bucket{{{labels},le="{le}"}}' for le in (edge, above, "+Inf"))
    late = {low: "0+97x80", high: "0+100x80", all_: "0+100x80"}
    good = {low: "0+100x80", high: "0+100x80", all_: "0+100x80"}
    return Case(alert, late, good, "9m30s", "16m")


CASES: tuple[Case, ...] = (
    _gauge("ProcessDown", 'up{job="headrace",instance="w:1"}', 0, 1, "30s", "1m"),
    _gauge("LagHigh", 'headrace_lag_seconds{topic="orders",partition="0"}', 6, 5, "4m30s", "5m"),
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
    Case(
        "OpenTransactionOld",
        {OPEN: "1+0x80", STABLE: "9+0x80"},
        {OPEN: "1+0x80", STABLE: "9+1x80"},
        "0s",
        "30s",
    ),
    Case(
        "OpenTransactionOld",
        {OPEN: "1+0x80", STABLE: "9+0x80"},
        {OPEN: "0+0x80", STABLE: "9+0x80"},
        "0s",
        "30s",
    ),
    _gauge("RecoverySlow", 'headrace_ready{instance="w:1"}', 0, 1, "1m30s", "2m"),
    Case("LagGrowing", {LAG: "0+2x80"}, {LAG: "9+0x80"}, "15m", "21m"),
    Case(
        "DeadLetterFlood",
        {LETTERS: "0+11x80", EVENTS: "0+1000x80"},
        {LETTERS: "0+10x80", EVENTS: "0+1000x80"},
        "1m",
        "7m",
    ),
    _gauge("MarkStale", 'headrace_mark_age_seconds{symbol="BTC/USD.KRAKEN"}', 11, 10, "30s", "1m"),
    _bins("IngestDelayHigh", "headrace_ingest_seconds", 'venue="KRAKEN"', "0.2", "0.3"),
    _bins("OrderLatencyHigh", "headrace_stage_seconds", 'stage="first_event"', "0.15", "0.2"),
    Case(
        "NoOrders",
        {ORDERS: "0+30x20 600+0x60", KILLED: "0+0x80"},
        {ORDERS: "0+30x20 600+0x60", KILLED: "1+0x80"},
        "15m",
        "30m",
    ),
    Case("NoOrders", {ORDERS: "0+4x20 80+0x60"}, {ORDERS: "0+2.5x20 50+0x60"}, "15m", "30m"),
    Case("LimitNear", {LIMIT: "0.81+0x80"}, {LIMIT: "0.8+0x80"}, "4m30s", "5m"),
    Case("LimitLatched", {LATCHED: "0+1x80"}, {LATCHED: "0+0x80"}, "0s", "1m"),
    Case("LimitLatched", {LATCHED: "_ 1+0x80"}, {LATCHED: "_ 0+0x80"}, "0s", "1m"),
    _gauge("BreakerOpen", 'headrace_breaker_state{symbol="BTC/USD.KRAKEN"}', 2, 1, "1m30s", "2m"),
    Case("KillSwitchEngaged", {KILLED: "0 1+0x80"}, {KILLED: "0+0x80"}, "0s", "30s"),
    Case("KillSlow", {UNFINISHED: "45 46+0x80"}, {UNFINISHED: "45+0x80"}, "0s", "30s"),
    Case("KillStuck", {UNFINISHED: "60 61+0x80"}, {UNFINISHED: "60+0x80"}, "0s", "30s"),
    Case("ControlRefused", {REFUSED: "0+1x80"}, {REFUSED: "0+0x80"}, "0s", "1m"),
    Case("ControlRefused", {REFUSED: "_ 1+0x80"}, {REFUSED: "_ 0+0x80"}, "0s", "1m"),
    _counter("DriftAlarm", 'headrace_drift_alarms_total{model="micro",version="v1"}', "0s", "1m"),
    Case("ModelStale", {AGED: "1209601+0x200"}, {AGED: "1209600+0x200"}, "59m", "1h"),
    Case(
        "LabelsExpiring",
        {EXPIRED: "0+6x80", LABELLED: "0+94x80"},
        {EXPIRED: "0+4x80", LABELLED: "0+96x80"},
        "15m",
        "16m",
    ),
    Case("SinkNearRetention", {BEHIND: "151200 151201+0x80"}, {BEHIND: "151200+0x80"}, "0s", "30s"),
    Case("PoolFull", {ASKED: "5+0x80", ALLOWED: "5+0x80"}, {ASKED: "4+0x80", ALLOWED: "5+0x80"}, "4m30s", "5m"),
    Case("AuditBroken", {BROKEN: "0 1+0x80"}, {BROKEN: "0+0x80"}, "0s", "30s"),
    Case("RestartLoop", {STARTED: "1+1x4 5+0x80"}, {STARTED: "1+1x3 4+0x80"}, "1m", "3m"),
    _gauge("MemoryHigh", 'process_resident_memory_bytes{instance="w:1"}', 471_859_201, 471_859_200, "9m30s", "10m"),
    _gauge("KafkaUnderReplicated", "kafka_server_replicamanager_underreplicatedpartitions", 1, 0, "4m30s", "5m"),
    _gauge("KafkaOffline", "kafka_controller_offlinepartitionscount", 1, 0, "30s", "1m"),
    _gauge("KafkaNoController", "kafka_controller_activecontrollercount", 0, 1, "30s", "1m"),
)  # fmt: skip
