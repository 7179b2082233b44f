import pytest

from api.exposition import difference, histograms, quantile, total

TEXT = """\
# TYPE headrace_event_age_seconds histogram
headrace_event_age_seconds_bucket{le="0.001",route="risk"} 0.0
headrace_event_age_seconds_bucket{le="0.01",route="risk"} 90.0
headrace_event_age_seconds_bucket{le="+Inf",route="risk"} 100.0
headrace_event_age_seconds_sum{route="risk"} 1.0
headrace_chunk_seconds_bucket{le="0.001",phase="send",route="risk"} 5.0
headrace_chunk_seconds_bucket{le="+Inf",phase="send",route="risk"} 5.0
"""


def test_series_are_found_by_their_labels() -> None:
    assert list(histograms(TEXT, "headrace_chunk_seconds")) == ["send risk"]


def test_a_total_is_over_the_series_with_these_labels() -> None:
    text = (
        'a_total{topic="x",route="r"} 2.0\na_total{topic="y",route="r"} 3.0\na_total_created 9.0\n'
    )
    assert total(text, "a_total") == 5.0
    assert total(text, "a_total", topic="y") == 3.0


def test_a_quantile_lies_within_its_bucket() -> None:
    buckets = histograms(TEXT, "headrace_event_age_seconds")["risk"]
    assert quantile(buckets, 0.45) == pytest.approx(0.001 + 0.009 / 2)


def test_what_lies_above_all_edges_is_told_as_the_last_edge() -> None:
    assert quantile(histograms(TEXT, "headrace_event_age_seconds")["risk"], 0.99) == 0.01


def test_no_observation_has_no_quantile() -> None:
    assert quantile([(0.1, 0.0), (float("inf"), 0.0)], 0.5) is None
    assert quantile([], 0.5) is None


def test_a_restarted_process_is_read_from_its_start() -> None:
    inf = float("inf")
    assert difference([(0.1, 5.0), (inf, 9.0)], [(0.1, 2.0), (inf, 4.0)]) == [
        (0.1, 3.0),
        (inf, 5.0),
    ]
    assert difference([(0.1, 1.0), (inf, 2.0)], [(0.1, 2.0), (inf, 4.0)]) == [
        (0.1, 1.0),
        (inf, 2.0),
    ]
