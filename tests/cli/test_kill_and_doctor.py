import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from api import reference
from api.cli import app
from streams import control


@pytest.fixture
def brokers(catalogue: tuple[str, int]) -> str:
    return catalogue[0]


def _headrace(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def _kill(brokers: str, switch: str, scope: str) -> Result:
    sent = ("--scope", scope, "--brokers", brokers, "--wait-seconds", "0")
    return _headrace("kill", switch, "--reason", "drill", *sent)


def _latest(brokers: str, scope: str) -> control.Record:
    return control.decode(asyncio.run(reference.latest(brokers))[f"kill:{scope}"])


def test_each_turn_of_a_switch_has_the_next_number(brokers: str) -> None:
    scope = "account:drilled"
    assert _kill(brokers, "on", scope).exit_code == 0
    record = _latest(brokers, scope)
    assert isinstance(record, control.Kill)
    assert (record.action, record.seq, record.reason) == ("kill", 1, "drill")
    assert _kill(brokers, "off", scope).exit_code == 0
    record = _latest(brokers, scope)
    assert isinstance(record, control.Kill)
    assert (record.action, record.seq) == ("resume", 2)


def test_an_impossible_scope_is_refused_and_not_sent(brokers: str) -> None:
    result = _kill(brokers, "on", "planet:earth")
    assert result.exit_code == 65
    assert "not sent: scope" in result.output
    assert "kill:planet:earth" not in asyncio.run(reference.latest(brokers))


def test_a_switch_that_no_engine_applies_is_told(brokers: str) -> None:
    sent = ("--scope", "account:alone", "--brokers", brokers, "--wait-seconds", "0.5", "--flatten")
    result = _headrace("kill", "on", "--reason", "drill", *sent)
    assert result.exit_code == 75
    assert "applied by 0 of" in result.output
    record = _latest(brokers, "account:alone")
    assert isinstance(record, control.Kill) and record.flatten


def test_a_strategy_has_no_positions_to_flatten(brokers: str) -> None:
    sent = ("--scope", "strategy:s", "--brokers", brokers, "--flatten")
    result = _headrace("kill", "on", "--reason", "drill", *sent)
    assert result.exit_code == 65
    assert "flatten goes with" in result.output


def test_reference_data_that_are_there_are_left_alone(brokers: str) -> None:
    halted = reference.paper_account("mine", "USD")
    changed = control.Limits(account="mine", open_orders_max=3)
    asyncio.run(reference.publish(brokers, [changed]))
    assert asyncio.run(reference.publish(brokers, halted)) == ["account:mine", "cash:mine:initial"]
    latest = asyncio.run(reference.latest(brokers))
    assert control.decode(latest["limits:mine"]) == changed


def test_doctor_says_what_is_away_and_how_to_mend_it(brokers: str) -> None:
    result = _headrace("doctor", "--json", "--brokers", brokers, "--data", "no-such-directory")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert not told["healthy"]
    checks = {check["subject"].split()[0]: check for check in told["checks"]}
    assert checks["brokers"]["problems"] == []
    assert checks["PostgreSQL"]["problems"][0]["mend"].startswith("set it")


def test_doctor_without_a_broker_is_no_stack_trace() -> None:
    result = _headrace("doctor", "--brokers", "127.0.0.1:1", "--data", "no-such-directory")
    assert result.exit_code == 1
    assert "should be answering" in result.output
    assert "Traceback" not in result.output
