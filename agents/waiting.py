"""Says of orders that nothing has been able to match them: an order may wait for a book, but not in silence."""

from agents.execution import Execution
from tables.book import SymbolBook

WAIT_NS = 60_000_000_000
"""So long (event time) after its activation an order that still waits for a book of its side is told of, once."""


def tell(work: Execution, book: SymbolBook, *, halted: bool) -> None:
    """Write WAITING for orders that have been due for WAIT_NS and could not become active."""
    for order_id in book.ladder("arrival").reached(WAIT_NS - work.time):
        order = work.exchange.orders[order_id]
        if not order.waited:
            reason = "HALTED" if halted else "NO_BOOK"
            work.step(order, "WAITING", order.state, reason, waited=True)
