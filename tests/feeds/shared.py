"""Where the shared market data lie, for tests marked `realdata`."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MARKET_DATA = Path(
    os.environ.get("HEADRACE_MARKET_DATA", REPOSITORY.parent / "shared" / "market-data")
)


def market_data() -> Path:
    """The folder; skips the test where it is absent."""
    if not MARKET_DATA.is_dir():
        pytest.skip("no shared market data: set HEADRACE_MARKET_DATA")
    return MARKET_DATA
