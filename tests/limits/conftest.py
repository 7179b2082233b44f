"""Latches as they are defined: every mark weighs the accounts that hold its symbol."""

import pytest

from agents import latching


@pytest.fixture(autouse=True)
def every_mark_weighs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latching, "WEIGH_NS", 0)
