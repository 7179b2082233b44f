import asyncio

import pytest
from typer.testing import CliRunner, Result

from api import reference
from api.cli import app
from streams import control


@pytest.fixture
def brokers(catalogue: tuple[str, int]) -> str:
    return catalogue[0]


def _limits(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["limits", *arguments])


def _latest(brokers: str, key: str) -> control.Record:
    return control.decode(asyncio.run(reference.latest(brokers))[key])


def test_limits_are_a_profile_and_what_differs(brokers: str) -> None:
    sent = _limits(
        "set", "--account", "limited", "--profile", "careful", "--change", "loss_max=1000.5",
        "--change", "open_orders_max=3", "--change", "flatten=true",
        "--change", 'symbols={"X.Y": {"position_max": "2"}}', "--brokers", brokers,
    )  # fmt: skip
    assert sent.exit_code == 0, sent.output
    assert sent.output.startswith("limits:limited at control@")
    assert _latest(brokers, "limits:limited") == control.Limits(
        account="limited", profile="careful", loss_max="1000.5", open_orders_max=3, flatten=True,
        symbols={"X.Y": control.SymbolLimits(position_max="2")},
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [("--profile", "brave"), ("--change", "loss_max=-1"), ("--change", "no_such=1"),
     ("--change", "spread_bps=wide")],
)  # fmt: skip
def test_impossible_limits_are_not_sent(brokers: str, wrong: tuple[str, str]) -> None:
    result = _limits("set", "--account", "unlimited", *wrong, "--brokers", brokers)
    assert (result.exit_code, "not sent" in result.output) == (65, True)
    assert "limits:unlimited" not in asyncio.run(reference.latest(brokers))


def test_each_resume_has_the_next_number(brokers: str) -> None:
    for number in (1, 2):
        sent = _limits("resume", "--account", "latched", "--reason", "seen", "--brokers", brokers)
        assert sent.exit_code == 0, sent.output
        record = _latest(brokers, "resume:latched")
        assert isinstance(record, control.Resume)
        assert (record.seq, record.reason) == (number, "seen")
