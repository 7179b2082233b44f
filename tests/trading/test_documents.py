"""What the document on orders shows is the contract, and its table of fields is complete."""

import re
from pathlib import Path

import pytest

from streams import orders
from streams.contract import Cancel, New, Replace

TEXT = (Path(__file__).parents[2] / "docs" / "orders.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize("block", BLOCKS)
def test_shown_command_is_read_without_complaint(block: str) -> None:
    parsed = orders.decode(block.encode())
    assert (parsed.reason, parsed.detail) == ("", "")


@pytest.mark.parametrize("model", [New, Cancel, Replace])
def test_every_field_is_named(model: type[New | Cancel | Replace]) -> None:
    assert {name for name in model.model_fields if name not in TEXT} == set()
