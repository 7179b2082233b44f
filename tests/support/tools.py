"""Tools that a test needs and the Makefile installs: without one it is skipped on a desk and fails in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def lacking(missing: str) -> NoReturn:
    """Skip for want of a tool, or fail where CI runs, which installs all of them."""
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def tool(name: str, installed_by: str, path: str | None = None) -> str:
    """Where a program is. path: where to look, else as the shell does."""
    found = shutil.which(name, path=path)
    if found is None:
        lacking(f"no {name}: `{installed_by}` installs it")
    return found
