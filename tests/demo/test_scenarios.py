"""The published scenarios over dicts: table, records and lines are those of `headrace demo brackets`."""

from functools import cache

import pytest

from agents.routes import routes
from api.demo import outcome, script
from api.demo.scenario import Scenario, scenarios
from streams import control
from streams.topics import BY_NAME, CONTROL
from tests.faults.dict_system import DictSystem

PARTITIONS = 2
READ = ("risk.decisions", "fills", "orders.events", "positions")
SCENARIOS = {scenario.number: scenario for scenario in scenarios()}


@cache
def played() -> outcome.Messages:
    """All scenarios side by side through one system."""
    system = DictSystem(routes(PARTITIONS), PARTITIONS, most=50)
    system.put(
        (CONTROL.name, control.key(record), control.encode(record), script.START_MS)
        for scenario in SCENARIOS.values()
        for record in script.reference(scenario)
    )
    for group in script.groups(SCENARIOS.values()):
        system.run()
        system.put((put.topic.name, put.key, put.value, put.at_ms) for put in group)
    system.run()
    history = system.history()
    return {
        name: [BY_NAME[name].decode(record.value or b"") for record in history.of(name)]
        for name in READ
    }


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.number)
def test_scenario_comes_out_as_published(scenario: Scenario) -> None:
    assert outcome.lines(scenario, played()) == scenario.expected


def test_no_scenario_is_left_out() -> None:
    numbers = [str(number) for number in range(1, 14) if number != 12]
    assert list(SCENARIOS) == [*numbers[:11], "12a", "12b", "13", "L1", "L2", "C0", "C1", "C10"]
