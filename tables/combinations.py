"""Which fields of a new order go together: the forbidden combinations as a table, one row a rule."""

from collections.abc import Callable
from typing import NamedTuple

from streams.orders import New
from tables.candidate import Refusal
from tables.resting import STOPS

PRICES: dict[str, tuple[str, ...]] = {
    "market": (),
    "limit": ("price",),
    "stop": ("stop_price",),
    "stop_limit": ("price", "stop_price"),
    "trailing_stop": ("trail",),
}
"""The price fields that each type needs; it takes no others."""

PROTECTED_TYPES = frozenset({"market", "stop", "trailing_stop"})


class Rule(NamedTuple):
    """fields: as the refusal names them; forbidden: whether an order has the combination."""

    fields: str
    forbidden: Callable[[New], bool]


FORBIDDEN: tuple[Rule, ...] = (
    Rule("qty, sizing", lambda new: new.qty is not None and new.sizing is not None),
    Rule("neither qty nor sizing", lambda new: new.qty is None and new.sizing is None),
    Rule("sizing, reduce_only", lambda new: new.sizing is not None and new.reduce_only),
    Rule("tif GTD without expire_at", lambda new: new.tif == "GTD" and new.expire_at is None),
    Rule("expire_at without tif GTD", lambda new: new.tif != "GTD" and new.expire_at is not None),
    Rule("market, tif GTD", lambda new: new.type == "market" and new.tif == "GTD"),
    Rule("a stop, tif IOC or FOK",
         lambda new: new.type in STOPS and new.tif in ("IOC", "FOK")),
    Rule("post_only, not a limit", lambda new: new.post_only and new.type != "limit"),
    Rule("post_only, tif IOC or FOK", lambda new: new.post_only and new.tif in ("IOC", "FOK")),
    Rule("trigger, not a stop",
         lambda new: new.trigger is not None and new.type not in STOPS),
    Rule("protection_bps, a limit",
         lambda new: new.protection_bps is not None and new.type not in PROTECTED_TYPES),
    Rule("bracket, reduce_only", lambda new: new.bracket is not None and new.reduce_only),
    Rule("bracket, group", lambda new: new.bracket is not None and new.group is not None),
)  # fmt: skip


UNUSUAL = frozenset(
    {"sizing", "tif", "expire_at", "post_only", "reduce_only", "trigger", "protection_bps", "bracket", "group"}
)  # fmt: skip
"""Without one of these fields, and with a quantity, an order breaks no rule of the table."""


def refusal(new: New) -> Refusal | None:
    """The first rule that the order breaks: prices by its type, then the table."""
    wanted = PRICES[new.type]
    for name, value in (
        ("price", new.price),
        ("stop_price", new.stop_price),
        ("trail", new.trail),
    ):
        if (value is not None) == (name in wanted):
            continue
        if value is not None:
            return Refusal("PRICE_NOT_ALLOWED", f"{new.type} takes no {name}")
        return Refusal("PRICE_MISSING", f"{new.type} needs {name}")
    if new.qty is not None and UNUSUAL.isdisjoint(new.model_fields_set):
        return None
    for rule in FORBIDDEN:
        if rule.forbidden(new):
            return Refusal("BAD_COMBINATION", rule.fields)
    return None
