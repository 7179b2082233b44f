"""Ids are functions of log positions, so a replay gives the same ones."""

from typing import NamedTuple


class Ref(NamedTuple):
    """The position of one record in the log; the provenance of every decision."""

    topic: str
    partition: int
    offset: int


def order_id(generation: int, command: Ref) -> str:
    """The id of the order that a command created: `generation-partition-offset`."""
    return f"{generation}-{command.partition}-{command.offset}"


def fill_id(order: str, cause: Ref, leg: int) -> str:
    """The id of one fill: the order, the market record that made it, and its place among that record's fills."""
    return f"{order}:{cause.partition}:{cause.offset}:{leg}"
