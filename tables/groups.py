"""Orders that belong together: which live ones are of a family, and what a family has filled already."""

import msgspec

from tables.resting import RestingOrder

GROUPS_REMEMBERED = 10_000
"""Families with fills that a cell knows, oldest out first: a member may arrive after another has filled."""


class Family(msgspec.Struct, frozen=True, gc=False):
    """An oco or ouo group since its first fill. filled: lots; since: ns of event time."""

    filled: int
    since: int


class FamilyIndex:
    """Family -> its live orders, kept in step with the table of live orders."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, tuple[int, int, str]]] = {}

    def change(self, key: str, old: RestingOrder | None, new: RestingOrder | None) -> None:
        """Follow one change of the table."""
        order = new if new is not None else old
        if order is None or not order.family:
            return
        if new is not None:
            self._members.setdefault(new.family, {})[key] = new.rank
            return
        members = self._members[order.family]
        del members[key]
        if not members:
            del self._members[order.family]

    def clear(self) -> None:
        """Forget everything."""
        self._members.clear()

    def of(self, family: str) -> list[str]:
        """Ids of the live orders of a family, the oldest first."""
        members = self._members.get(family)
        return sorted(members, key=members.__getitem__) if members else []
