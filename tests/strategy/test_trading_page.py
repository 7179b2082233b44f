"""The traders' page is the code's: its tables, its codes, which are all there are, and its example, which runs."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from agents.strategies import Strategy
from agents.strategies.load import load
from api.documents import reasons, trading
from streams import messages
from tests.strategy.seat import Seat, fill, prediction

ROOT = Path(__file__).parents[2]
PAGE = trading.PAGE.read_text()
CODE = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*")
ORDER_PATH = (
    *(ROOT / "tables").glob("*.py"),
    *(
        ROOT / "agents" / f"{name}.py"
        for name in (
            "acceptance activation bar_matcher cancels decisions execution following groups kills ledger "
            "matcher new_orders protection replacement replaces reviews risk silence strategist taking "
            "targets trade_matcher waiting"
        ).split()
    ),
    *(ROOT / "streams" / f"{name}.py" for name in ("orders", "codec", "strict_json")),
)
COMPOSED = {
    "QTY_NOT_POSITIVE", "PRICE_NOT_POSITIVE", "QTY_OFF_LOT", "PRICE_OFF_TICK",
    "LATCHED_LOSS", "LATCHED_DRAWDOWN", "LATCHED_FEES", "LATCHED_MARGIN",
}  # fmt: skip
"""Codes that the code puts together, and the pieces of them."""

PIECES = {"QTY", "PRICE", "LOT", "TICK", "LOSS", "DRAWDOWN", "FEES", "MARGIN"}
NO_REASONS = {"FLATTEN", "USD", "SIM", "LATCHED", "RESUME", "RESUME_ASKED", "REVIEW"}
"""Words in capitals that are no reason: what a flattening order is called, a currency, a mode."""

EVENTS = {"ARMED", "RESTATED", "REPLACED", "CANCEL_REJECTED", "REPLACE_REJECTED", "WAITING"}
KNOWN = {*get_args(messages.State), *get_args(messages.TimeInForce), *EVENTS, *PIECES, *NO_REASONS}


def words() -> Iterator[str]:
    """Texts in capitals in the code of the order path, but for names in `__all__`."""
    for path in ORDER_PATH:
        for node in ast.parse(path.read_text()).body:
            if not _is_exports(node):
                yield from _capitals(node)


def _is_exports(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _capitals(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and CODE.fullmatch(part.value)
        ):
            yield part.value


def test_every_reason_in_the_code_is_explained() -> None:
    assert set(words()) - KNOWN - set(reasons.codes()) == set()


def test_every_reason_that_is_explained_is_in_the_code() -> None:
    everywhere = {
        word
        for folder in ("streams", "agents", "tables")
        for path in (ROOT / folder).rglob("*.py")
        for word in _capitals(ast.parse(path.read_text()))
    }
    assert set(reasons.codes()) - everywhere - COMPOSED == set()


def test_no_reason_is_explained_twice() -> None:
    codes = reasons.codes()
    assert len(codes) == len(set(codes))


@pytest.fixture
def example() -> Iterator[Strategy[Any]]:
    """The strategy that the page shows, loaded as a user's own."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    module = ModuleType("page_example")
    sys.modules[module.__name__] = module
    exec(compile(source, str(trading.PAGE), "exec"), module.__dict__)  # noqa: S102  the page shows it
    loaded = load("page_example:MyStrategy", {"threshold": "0.55", "hold_s": "1"})
    assert loaded is not None
    yield loaded.strategy
    del sys.modules[module.__name__]


def test_the_strategy_on_the_page_enters_and_leaves(example: Strategy[Any]) -> None:
    seat = Seat(example)
    (entry,) = seat.commands(prediction(0, 0.56))
    seat.feed(fill(1, entry.client_order_id, "0.00001"))
    (leave,) = seat.commands(prediction(1_000, None))
    assert (leave.model_dump()["side"], leave.model_dump()["reduce_only"]) == ("sell", True)
