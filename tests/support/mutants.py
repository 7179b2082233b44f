"""Lets mutmut read a test's id where pytest keeps it no longer; a plugin that `make mutants` alone loads."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item._nodeid = item.nodeid  # type: ignore[attr-defined]  # what mutmut asks for
