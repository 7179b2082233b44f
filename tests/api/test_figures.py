"""What the API's ops port tells of control, current state and history, over real stores."""

import asyncio
from typing import Any

from api.app import build
from api.figures import covers
from streams.settings import Settings
from tests.sinks.messages import order_event


def test_stores_and_control_are_shown_as_gauges(
    broker: str, stored: dict[str, str], absent: Settings
) -> None:
    async def run() -> dict[str, Any]:
        app = build(absent.model_copy(update={"brokers": broker, **stored}))
        state = app.state
        state.control.start()
        while not state.control.is_current:  # noqa: ASYNC110  it has no event for it
            await asyncio.sleep(0.05)
        await state.figures.look()
        await state.kept_figures.look()
        state.metrics.exposition()
        await state.control.stop()
        await state.current.close()
        names = ("open_orders", "exposure_notional", "mark_age_seconds", "audit_broken")
        found = {name: state.metrics.total(name) for name in names}
        return found | {"max": state.metrics.total("pool_connections", state="max")}

    found = asyncio.run(run())
    assert found["open_orders"] == 1, "one of two was cancelled"
    assert found["exposure_notional"] > 0
    assert found["mark_age_seconds"] > 0
    assert (found["audit_broken"], found["max"]) == (0, 5)


def test_a_kill_waits_for_the_orders_of_its_scope_and_not_for_exits() -> None:
    order, exit = order_event(1), order_event(2, parent_id="o1")
    assert covers("global", order) and covers("account:paper", order)
    assert covers(f"symbol:{order.symbol}", order)
    assert not covers("account:other", order) and not covers("strategy:x", order)
    assert not covers("global", exit)
