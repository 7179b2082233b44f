"""Strategies: what a model's predictions become orders by. `strategy` is the interface, the others are shipped."""

from collections.abc import Mapping
from typing import Any

from agents.strategies.commands import Cancel, Order
from agents.strategies.reversion import Reversion
from agents.strategies.signal import Signal
from agents.strategies.strategy import Answer, Memory, Moment, Strategy

__all__ = [
    "STRATEGIES",
    "Answer",
    "Cancel",
    "Memory",
    "Moment",
    "Order",
    "Reversion",
    "Signal",
    "Strategy",
]

STRATEGIES: Mapping[str, type[Strategy[Any]]] = {"signal": Signal, "reversion": Reversion}
"""The shipped strategies by name; any other is named by its module and class, see `load`."""
