"""Metrics: declared once, binned as a slow twin would, shown as Prometheus reads them, and cheap."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import insecure
from agents.bins import Bins
from agents.fold import Cell, Chunk, Progress, Span
from agents.group import Counts, Group, Tables
from agents.learning_watch import LearningWatch, show_pending
from agents.meter import ProcessMeter
from agents.metrics import CATALOGUE, PREFIX, SECONDS, Metrics
from agents.observe import observer
from agents.outbox import Sent
from agents.routes import heavy
from api.promotion.told import PromotionMeter
from models.waiting import Waiting
from streams import interleaving
from streams.messages import Decision
from streams.meter import Meter, NoMeter
from streams.predictions import Answer, Prediction, Score
from streams.settings import Settings
from streams.topics import SYMBOL_STATE
from tests.sinks.messages import CAUSE, fill, label, order_event, prediction

NOW_MS = 1_000_000
WAITING = Waiting(0, 1, 100, 0, "", b"", False, Answer(""), (), 0.0)
SERIES = rf"^{PREFIX}{{}}(_count)?[{{{{ ]"
"""A line that is no comment."""

UNITS = (
    "_total",
    "_seconds",
    "_records",
    "_rows",
    "_info",
    "_connected",
    "_pending",
    "_decision",
    "_evalue",
    "_assigned",
    "_keys",
    "_clients",
    "_enabled",
    "_chunks",
    "_ratio",
    "_metric",
    "_offset",
    "_ready",
    "_orders",
    "_notional",
    "_state",
    "_engaged",
    "_sequence",
    "_broken",
    "_connections",
    "_flight",
    "_weight",
)


LOOKED_UP = {
    "ready", "pool_connections", "open_orders", "exposure_notional", "limit_used_ratio", "mark_age_seconds",
    "breaker_state", "kill_switch_engaged", "kill_unfinished_seconds", "audit_head_sequence", "audit_broken",
    "drill_timestamp_seconds", "drill_recovery_seconds",
}  # fmt: skip
"""Set by a look, in tests/api/test_figures.py, not by an event."""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def meter(metrics: Metrics) -> Meter:
    return ProcessMeter(metrics)


def text(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()


def test_names_are_unique_and_end_in_their_unit() -> None:
    names = [row.name for row in CATALOGUE]
    assert len(set(names)) == len(names)
    for row in CATALOGUE:
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", row.name)
        assert f"_{row.name}".endswith(UNITS), row.name
        assert (row.kind == "counter") == row.name.endswith("_total"), row.name
        assert "account" not in row.labels


def test_buckets_rise() -> None:
    for row in CATALOGUE:
        assert list(row.buckets) == sorted(set(row.buckets)), row.name


@given(st.lists(st.integers(min_value=NOW_MS - 70_000, max_value=NOW_MS + 500)))
def test_ages_are_binned_as_one_by_one(timestamps_ms: list[int]) -> None:
    quick, slow = Bins(SECONDS), Bins(SECONDS)
    quick.observe_ages(sorted(timestamps_ms), NOW_MS)
    for timestamp_ms in timestamps_ms:
        slow.observe(max(0.0, (NOW_MS - timestamp_ms) / 1000))
    assert quick.counts == slow.counts
    assert quick.sum == pytest.approx(slow.sum)


def test_a_chunk_is_counted_with_its_outputs_and_times(metrics: Metrics, meter: Meter) -> None:
    times = [NOW_MS - 400, NOW_MS - 3, NOW_MS + 201]
    meter.chunk("symbol", {"market.quotes": times}, {"market.marks": 2}, {"commit": 0.003}, NOW_MS)
    shown = text(metrics)
    for line in (
        'headrace_events_total{route="symbol",topic="market.quotes"} 3.0',
        'headrace_outputs_total{route="symbol",topic="market.marks"} 2.0',
        'headrace_chunks_total{route="symbol"} 1.0',
        'headrace_chunk_seconds_bucket{le="0.005",phase="commit",route="symbol"} 1.0',
        'headrace_event_age_seconds_bucket{le="0.3",route="symbol"} 2.0',
        'headrace_event_age_seconds_bucket{le="0.5",route="symbol"} 3.0',
        'headrace_event_age_seconds_count{route="symbol"} 3.0',
        'headrace_future_records_total{topic="market.quotes"} 1.0',
    ):
        assert line in shown.splitlines(), line


def test_outcomes_are_counted_by_what_they_say(metrics: Metrics, meter: Meter) -> None:
    refused = Decision("d", "new", "rejected", "paper", CAUSE, 1, reason="NO_PRICE")
    passed = Decision("e", "new", "accepted", "paper", CAUSE, 1)
    stuck = Decision("f", "alarm", "told", "paper", CAUSE, 1, reason="STUCK")
    halted = msgspec.structs.replace(order_event(2), type="WAITING", reason="HALTED")
    meter.outcomes([fill(1), fill(2), order_event(1), halted, refused, passed, stuck])
    assert metrics.by_label("orders_total", "type") == {"new": 2, "alarm": 1}
    assert metrics.by_label("alarms_total", "reason") == {"STUCK": 1, "HALTED": 1}
    assert metrics.by_label("rejections_total", "reason") == {"NO_PRICE": 1}
    assert metrics.total("fills_total", liquidity="taker") == 2
    assert metrics.by_label("order_events_total", "event") == {"ACCEPTED": 1, "WAITING": 1}


def prediction_that_tells() -> Prediction:
    """One with everything in it that is out of the ordinary."""
    return msgspec.structs.replace(
        prediction(1),
        served=Answer("v1", None, "drift_hold", role="champion"),
        flags=("drift:v1", "refused:v2", "alias_late", "drift_hold"),
        scores=(Score("lin", 1_000, 0.6, 0.2, 0.7, 0.72, 0.03, kappa_t=0.1),),
        weights=(("lin", 0.75),),
    )


def test_models_are_counted_by_what_is_served_and_scored(metrics: Metrics, meter: Meter) -> None:
    told, held = prediction(0), prediction_that_tells()
    elsewhere = msgspec.structs.replace(prediction(2), served=Answer(""))
    meter.outcomes([told, held, elsewhere, label(0), label(1, None)])
    assert metrics.total("predictions_total", model="micro", version="v1") == 2
    assert metrics.by_label("abstentions_total", "reason") == {"drift_hold": 1}
    assert metrics.by_label("labels_total", "state") == {"labelled": 1, "censored": 1}
    assert metrics.by_label("drift_alarms_total", "version") == {"v1": 1}
    assert metrics.by_label("model_refused_total", "version") == {"v2": 1}
    assert metrics.total("alias_late_total") == 1
    assert metrics.by_label("mixture_weight", "expert") == {"lin": 0.75}
    shown = metrics.by_label("model_metric", "metric")
    assert (shown["brier"], shown["accuracy_expected"], "kappa_m" in shown) == (0.2, 0.72, False)


def test_labels_that_wait_are_those_of_the_cells_that_are_here(metrics: Metrics) -> None:
    cells = [Cell(heavy(), partition, 2) for partition in range(2)]
    for cell, count in zip(cells, (3, 2), strict=True):
        for offset in range(count):
            tables: Any = cell.tables
            waiting = msgspec.structs.replace(WAITING, offset=offset)
            tables.waiting.add("up1s.micro.all|X", waiting)
    show_pending(metrics, cells)
    assert metrics.by_label("labels_pending", "model") == {"up1s.micro.all": 5}
    show_pending(metrics, cells[:1])
    assert metrics.total("labels_pending") == 3
    show_pending(metrics, [])
    assert metrics.by_label("labels_pending", "model") == {}


def test_the_lag_of_a_revoked_partition_is_gone(metrics: Metrics, meter: Meter) -> None:
    meter.standing("orders", 0, (5, 10, 12), 2.5)
    meter.standing("orders", 1, (3, 10, 10), 0.0)
    meter.forget("orders", 0)
    assert metrics.by_label("lag_records", "topic") == {"orders": 7}
    assert 'partition="0"' not in text(metrics)


def test_every_figure_of_the_meter_is_declared(metrics: Metrics, meter: Meter) -> None:
    meter.dead_letter("orders", "NOT_JSON", 2)
    meter.outcomes([prediction_that_tells(), label(0)])
    meter.counts({("features_skipped_total", ("late",)): 1, ("trades_side_inferred_total", ()): 2})
    meter.transaction("symbol", "commit", 0.002)
    meter.rebalance(0.5)
    meter.assigned("symbol", 4)
    meter.recovery("marks", 0.1, 50)
    meter.batch("history", {"fills": 2}, 1, [NOW_MS], 0.01, NOW_MS)
    meter.retry("history", "OperationalError")
    meter.backlog("history", 3, 2, 1.5)
    meter.feature_time("micro_v1", 1.0)
    meter.chunks({"rowstore": 2, "columnstore": 5}, 7.5)
    meter.backups({"registry": 1.0})
    meter.connected("history", True)
    meter.ticks("kraken", "trade", 9)
    meter.feed_connected("kraken", True)
    meter.feed_reconnect("kraken", "timeout")
    meter.feed_gap("kraken")
    meter.feed_quarantined("kraken", "NOT_JSON")
    meter.request("/v1/status", "GET", 200, 0.001)
    meter.denied("rate")
    meter.streams(1)
    meter.stream_dropped("slow")
    meter.chunk("symbol", {"orders": [NOW_MS + 500]}, {"fills": 1}, {"commit": 0.1}, NOW_MS)
    meter.standing("orders", 0, (4, 5, 5), 0.0)
    meter.loop_lag(0.01)
    meter.feed_times("kraken", 0.2, [0.01])
    meter.in_flight(1)
    refused = Decision("d", "new", "rejected", "paper", CAUSE, 1, reason="NO_PRICE")
    again = Decision("d", "new", "duplicate", "paper", CAUSE, 1)
    latched = Decision("l", "latch", "latched", "paper", CAUSE, 1, reason="LATCHED_LOSS")
    stuck = Decision("s", "alarm", "told", "paper", CAUSE, 1, reason="STUCK")
    meter.outcomes([fill(1, order_id="0-0-1/sl"), order_event(1), refused, again, latched, stuck])
    insecure.show(metrics, Settings(profile="simulation", registry_key_file="no/such/file"))
    promotion = PromotionMeter(metrics)
    promotion.swap("up1s.micro.all", "promote")
    promotion.evidence("up1s.micro.all", 1.5)
    promotion.to_decision("up1s.micro.all", 90)
    promotion.to_decision("up5s.micro.all", None)
    promotion.trained("up1s.micro.all", "rejected", 1)
    promotion.age("up1s.micro.all", 60.0)
    promotion.passed(0.1)
    watch = LearningWatch(metrics)
    for name in ("predict_seconds", "learn_seconds"):
        watch.spent(name, "up1s.micro.all", watch.now())
    tables: Any = (cell := Cell(heavy(), 0, 1)).tables
    tables.waiting.add("up1s.micro.all|X", WAITING)
    show_pending(metrics, [cell])
    shown = text(metrics)
    silent = [
        row.name
        for row in CATALOGUE
        if row.name not in LOOKED_UP and not re.search(SERIES.format(row.name), shown, re.M)
    ]
    assert silent == []


def test_openmetrics_is_given_to_who_asks_for_it(metrics: Metrics) -> None:
    body, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert b"process_cpu_seconds" in body


def unused(partition: int) -> Tables:
    raise AssertionError(f"no cell is made for partition {partition}")


def test_the_observer_reports_a_committed_chunk(metrics: Metrics, meter: Meter) -> None:
    group = Group("symbol", (), unused, SYMBOL_STATE)
    sent = [Sent(topic, 0, b"k", b"v", 1, b"") for topic in ("fills", "fills", "dead.letters")]
    times = {"orders": [NOW_MS] * 4}
    dead = {("orders", "NOT_JSON"): 1}
    order = interleaving.of(0, 1, [])
    counts: Counts = {("features_skipped_total", ("late",)): 2}
    spans = {"orders": Span(0, 4, 4)}
    chunk = Chunk(spans, Progress(), sent, times, order, dead=dead, counts=counts)
    observer(meter, clock_ns=lambda: NOW_MS * 1_000_000)(group, chunk, {"commit": 0.002})
    assert metrics.total("events_total", route="symbol", topic="orders") == 4
    assert metrics.by_label("outputs_total", "topic") == {"fills": 2, "dead.letters": 1}
    assert metrics.by_label("dead_letters_total", "reason") == {"NOT_JSON": 1}
    assert metrics.by_label("features_skipped_total", "reason") == {"late": 2}
    assert metrics.by_label("transactions_total", "outcome") == {"commit": 1}


def test_a_meter_that_nobody_reads_takes_everything() -> None:
    meter: Meter = NoMeter()
    meter.chunk("symbol", {"orders": [1]}, {}, {}, 2)
    meter.outcomes([object()])


def test_series_stay_below_the_limit_with_100_symbols_and_12_partitions(
    metrics: Metrics, meter: Meter
) -> None:
    for symbol in range(100):
        meter.outcomes(
            [fill(1, symbol=f"S{symbol}.V", liquidity=kind) for kind in ("maker", "taker")]
        )
    for topic in range(16):
        for partition in range(12):
            meter.standing(f"topic-{topic}", partition, (0, 1, 1), 0.0)
    for route in range(10):
        times = {f"topic-{topic}": [NOW_MS] for topic in range(16)}
        phases = dict.fromkeys(("gather", "handle", "send", "commit"), 0.1)
        meter.chunk(f"r{route}", times, dict.fromkeys(times, 1), phases, NOW_MS)
    series = [line for line in text(metrics).splitlines() if not line.startswith("#")]
    assert len(series) < 5000
