import asyncio
import time

from api.supervisor.stopping import Stop, stop_in_order


class Slow:
    """A part that takes this long to end, or is killed at its deadline."""

    def __init__(self, name: str, takes_s: float, order: list[str]) -> None:
        self.name = name
        self._takes_s = takes_s
        self._order = order

    def start(self) -> None: ...

    def poll(self) -> int | None:
        return None

    def stop(self, deadline_s: float) -> bool:
        time.sleep(min(self._takes_s, deadline_s))
        self._order.append(self.name)
        return self._takes_s <= deadline_s


def test_parts_stop_one_after_the_other() -> None:
    order: list[str] = []
    stops = [Stop(Slow(name, 0.05, order), 1.0) for name in ("feed", "worker", "kafka")]
    assert asyncio.run(stop_in_order(stops, time.monotonic() + 5.0)) == []
    assert order == ["feed", "worker", "kafka"]


def test_a_part_that_hangs_is_killed_and_the_budget_holds() -> None:
    order: list[str] = []
    hanging = Slow("worker", 60.0, order)
    stops = [Stop(hanging, 30.0), Stop(Slow("kafka", 0.1, order), 5.0)]
    started = time.monotonic()
    assert asyncio.run(stop_in_order(stops, time.monotonic() + 1.0)) == ["worker"]
    assert time.monotonic() - started < 1.5
    assert order == ["worker", "kafka"]
