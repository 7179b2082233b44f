"""The life of an order as a table: which state may follow which; the broker asks before every event it writes."""

from streams.messages import TERMINAL

NEXT: dict[str, frozenset[str]] = {
    "": frozenset({"ACCEPTED", "HELD", "REJECTED"}),
    "HELD": frozenset({"WORKING", "UNTRIGGERED", "CANCELLED"}),
    "ACCEPTED": frozenset(
        {"WORKING", "UNTRIGGERED", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED"}
    ),
    "UNTRIGGERED": frozenset({"TRIGGERED", "CANCELLED", "EXPIRED"}),
    "TRIGGERED": frozenset({"WORKING", "PARTIALLY_FILLED", "FILLED", "CANCELLED"}),
    "WORKING": frozenset({"PARTIALLY_FILLED", "FILLED", "CANCELLED", "EXPIRED"}),
    "PARTIALLY_FILLED": frozenset({"PARTIALLY_FILLED", "FILLED", "CANCELLED", "EXPIRED"}),
}
"""From each state ("" is unborn) to its successors; a terminal state has none."""

KEEPS_STATE: frozenset[str] = frozenset(
    {"RESTATED", "REPLACED", "CANCEL_REJECTED", "REPLACE_REJECTED", "WAITING"}
)
"""Events of a live order that leave its state as it is."""


class BrokenInvariant(AssertionError):
    """A rule that holds by construction does not hold: the process ends before the chunk commits."""


class ImpossibleTransition(BrokenInvariant):
    """An event that the table does not allow in the order's state."""


def check(state: str, event: str, to: str) -> None:
    """Raise ImpossibleTransition unless `event` may take an order from `state` to `to`."""
    if event in KEEPS_STATE:
        allowed = state == to and state != "" and state not in TERMINAL
    else:
        allowed = to in NEXT.get(state, frozenset())
    if not allowed:
        raise ImpossibleTransition(f"{event}: {state or 'unborn'} -> {to}")
