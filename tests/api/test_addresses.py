"""Processes that come and go are asked at every address of their name."""

import asyncio
import socket
from typing import Any

import pytest

from api import watch


def found(monkeypatch: pytest.MonkeyPatch, hosts: list[str]) -> list[str]:
    def resolve(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if not hosts:
            raise socket.gaierror("no such name")
        return [(2, 1, 6, "", (host, 8001)) for host in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asyncio.run(watch._addresses("dns+http://worker:8001"))


def test_a_name_stands_for_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = found(monkeypatch, ["10.0.0.7", "10.0.0.6", "fd00::1"])
    assert asked == ["http://10.0.0.6:8001", "http://10.0.0.7:8001", "http://[fd00::1]:8001"]


def test_a_name_without_addresses_stays_to_be_shown_as_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found(monkeypatch, []) == ["dns+http://worker:8001"]


def test_a_plain_address_is_itself() -> None:
    assert asyncio.run(watch._addresses("http://127.0.0.1:1")) == ["http://127.0.0.1:1"]
