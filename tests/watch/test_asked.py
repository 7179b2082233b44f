"""The table of `make watch`: what is asked, and what an answer may not be."""

import pytest

from dashboards import asked
from dashboards.asked import Answer, Asked
from dashboards.watch import markdown, summary


def test_every_panel_alert_and_promise_is_asked_with_its_macros_filled_in() -> None:
    found = asked.expressions()
    names = [each.name for each in found]
    assert len([name for name in names if name.startswith("alert ")]) >= 80
    assert {"overview: Worst lag", "alert KillStuck", "alert KillStuck fires"} <= set(names)
    assert any(name.startswith("slo-api-latency slo:") for name in names)
    assert [each.text for each in found if "$" in each.text.replace('"$"', "")] == []


@pytest.mark.parametrize(
    ("name", "unit", "values", "is_fault"),
    [
        ("api: 5xx share", "percentunit", [0.0, 1.0], False),
        ("api: 5xx share", "percentunit", [1.5], True),
        ("streams: Lag in seconds", "s", [-1.0], True),
        ("overview: Error budget left", "percentunit", [-3.0], False),
        ("alert KillStuck", "", [-5.0], False),
    ],
)
def test_a_value_outside_of_its_unit_is_a_fault(
    name: str, unit: str, values: list[float], is_fault: bool
) -> None:
    assert bool(asked._fault(Asked(name, "x", unit), values)) is is_fault


def test_what_may_be_empty_is_named_or_does_not_fire() -> None:
    allowed = {"kafka: *": "no exporter", "risk: Latches": "none"}
    assert asked.may_be_empty("kafka: Bytes in and out", allowed)
    assert asked.may_be_empty("risk: Latches", allowed)
    assert asked.may_be_empty("alert KillStuck fires", allowed)
    assert not asked.may_be_empty("risk: Latches by day", allowed)


def test_the_list_of_what_may_be_empty_names_expressions_and_gives_reasons() -> None:
    names = [each.name for each in asked.expressions()]
    for name, reason in asked.allowed_empty().items():
        assert reason
        assert any(asked.may_be_empty(each, {name: ""}) for each in names), name


def test_the_page_has_a_row_for_each_and_counts_them() -> None:
    found = [
        Answer(Asked("a: b", "x"), 2, "2 series, 3"),
        Answer(Asked("a: c", "y"), 0, "no series"),
        Answer(Asked("alert D fires", "z"), 1, "1 series, 1"),
    ]
    assert summary(found) == "1 of 2 expressions returned data, 0 were refused, 1 alerts fired"
    assert "| a: b | 2 series, 3 |" in markdown(found, summary(found))
