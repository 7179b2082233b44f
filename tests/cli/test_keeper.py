import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from api.supervisor.keeper import NeedsPerson, Part, keep, start_and_keep
from streams.processes import LocalPartError

Keeping = Callable[[Part, Callable[[str], None]], Coroutine[Any, Any, None]]


class Played:
    """A part that ends with these codes, one a start; None: its start fails."""

    name = "worker"
    may_end = False
    once = False

    def __init__(self, *ends: int | None) -> None:
        self._ends = list(ends)
        self._code: int | None = self._ends.pop(0)
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        self._code = self._ends.pop(0)
        if self._code is None:
            raise LocalPartError(self.name, "did not start")

    def poll(self) -> int | None:
        return self._code

    def stop(self, deadline_s: float) -> bool:
        return True


class Dying(Played):
    """Ends with -9 before it is ready."""

    def start(self) -> None:
        super().start()
        if self._code == -9:
            raise LocalPartError(self.name, "did not start")


def _keep(part: Played, monkeypatch: pytest.MonkeyPatch, keeping: Keeping = keep) -> list[float]:
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    monkeypatch.setattr("api.supervisor.keeper.asyncio.sleep", sleep)
    asyncio.run(keeping(part, lambda _line: None))
    return slept


def test_a_killed_part_starts_again_with_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Played(-9, -9, 72, 0)
    part.may_end = True
    assert _keep(part, monkeypatch) == [1.0, 2.0, 4.0]
    assert part.starts == 3


def test_a_failed_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Played(-9, None, 0)
    part.may_end = True
    assert _keep(part, monkeypatch) == [1.0, 2.0]


def test_a_clean_end_that_nobody_asked_for_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Played(0, 70)
    with pytest.raises(NeedsPerson, match="worker ended, exit code 70 .INVARIANT."):
        _keep(part, monkeypatch)
    assert part.starts == 1


def test_what_would_begin_anew_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Played(-9, 0)
    part.once = True
    with pytest.raises(NeedsPerson, match="killed by SIGKILL"):
        _keep(part, monkeypatch)
    assert part.starts == 0


def test_a_part_that_nothing_waits_for_is_started_again_where_it_did_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = Dying(None, -9, 0)
    part.may_end = True
    assert _keep(part, monkeypatch, start_and_keep) == [1.0]
    assert part.starts == 2
