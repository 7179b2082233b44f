"""A person closes the circuit breakers of a symbol: a record on `control`, obeyed by the symbol's cell."""

from collections.abc import Iterable

from agents.handler import Event, Output
from agents.market import MarketTables
from streams import control
from tables import breakers


def on_control(event: Event[control.Read | None], tables: MarketTables) -> Iterable[Output]:
    """Close them; the next tick makes the mark that says so. A symbol without a market has none."""
    record = event.message
    if isinstance(record, control.Reset):
        state = tables.market.edit(record.symbol)
        if state is not None:
            breakers.reset(state.breakers)
            state.price.due = state.quiet_until = state.narrow = 0
    return ()
