"""The kill switch on the running engine: latched, obeyed by every later entry, and it clears the book."""

import asyncio
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from api import producing
from api.cli import app
from streams import control
from tests.system.conftest import Engine

pytestmark = pytest.mark.kafka


def send(engine: Engine, kill: control.Kill) -> None:
    async def publish() -> None:
        async with producing.producer(engine.brokers) as to:
            await producing.send_control(to, kill)

    asyncio.run(publish())


def switch(action: str, seq: int) -> control.Kill:
    return control.Kill.model_validate(
        {"scope": "global", "action": action, "reason": "a test", "seq": seq}
    )


@pytest.fixture
def killed(engine: Engine) -> Iterator[Engine]:
    """The engine with a resting order, then killed; resumed afterwards."""
    engine.send(engine.order("resting-1", type="limit", price="50000"))
    engine.until(
        "orders.events", lambda e: e["client_order_id"] == "resting-1" and e["state"] == "WORKING"
    )
    send(engine, switch("kill", 1))
    yield engine
    send(engine, switch("resume", 2))
    engine.until("risk.decisions", lambda d: d["kind"] == "control" and d.get("reason") == "RESUME")


def test_kill_cancels_resting_orders_and_refuses_entries_until_resumed(killed: Engine) -> None:
    event = killed.until(
        "orders.events",
        lambda e: e["client_order_id"] == "resting-1" and e["state"] == "CANCELLED",
    )
    assert event["reason"] == "KILLED"
    killed.send(killed.order("late-1"))
    decision = killed.decision("late-1")
    assert (decision["outcome"], decision["reason"]) == ("rejected", "KILLED")


def test_flattening_from_the_command_line_is_timed(engine: Engine) -> None:
    engine.send(engine.order("to-flatten"))
    engine.until(
        "orders.events", lambda e: e["client_order_id"] == "to-flatten" and e["state"] == "FILLED"
    )
    common = ("--scope", "account:paper", "--reason", "drill", "--brokers", engine.brokers)
    killed = CliRunner().invoke(app, ["kill", "on", "--flatten", "--wait-seconds", "30", *common])
    assert killed.exit_code == 0, killed.output
    assert [line.split()[0] for line in killed.output.splitlines()[1:]] == [
        "applied", "cancelled", "flattened",
    ]  # fmt: skip
    position = engine.read("positions")[-1]
    assert position["qty"] == "0"
    resumed = CliRunner().invoke(app, ["kill", "off", "--wait-seconds", "30", *common])
    assert resumed.exit_code == 0, resumed.output
