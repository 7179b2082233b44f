"""Every rule of the books over one history, and the findings as lines for people."""

from collections.abc import Sequence

from api.verify import kills, money, orders, stamps
from api.verify.history import History, Violation

SHOWN = 20
"""Findings of one rule that are listed; the others are counted."""


def check(found: History, *, at_rest: bool = True) -> list[Violation]:
    """Every broken rule. at_rest: nothing is under way, so nothing may be left unread either."""
    return [
        *stamps.check(found, at_rest),
        *orders.check(found),
        *money.check(found),
        *kills.check(found),
    ]


def lines(violations: Sequence[Violation]) -> list[str]:
    """The first of each rule, and how many more there are."""
    shown: list[str] = []
    for rule in sorted({violation.rule for violation in violations}):
        of_rule = [str(violation) for violation in violations if violation.rule == rule]
        shown += of_rule[:SHOWN]
        if len(of_rule) > SHOWN:
            shown.append(f"{rule}: and {len(of_rule) - SHOWN} more")
    return shown
