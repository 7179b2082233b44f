"""Says of accepted orders that the broker is silent on: such an order may be alive, so it stays open and is told of."""

from typing import Any

import msgspec

from agents import decisions
from agents.handler import Event, Output
from streams import topics
from streams.messages import Decision
from tables.account_tables import AccountTables
from tables.orders import LiveOrder

WAIT_NS = 60 * 10**9
"""So long (event time) after its acceptance an order without any event of the broker is told of, once."""

STUCK = "STUCK"


def tell(event: Event[Any], tables: AccountTables) -> list[Output]:
    """An alarm for each order that has waited for WAIT_NS, oldest first; asked at each mark."""
    outputs: list[Output] = []
    while (order_id := tables.unanswered.oldest()) is not None:
        order = tables.orders[order_id]
        if event.clock_ns - order.accepted_at < WAIT_NS:
            break
        outputs.append(_alarm(event, order_id, order, tables))
        tables.orders.put(order_id, msgspec.structs.replace(order, accepted_at=0))
    return outputs


def _alarm(event: Event[Any], order_id: str, order: LiveOrder, tables: AccountTables) -> Output:
    waits_ms = (event.clock_ns - order.accepted_at) // 10**6
    alarm = Decision(
        decision_id=f"{order_id}-stuck",
        kind="alarm",
        outcome="told",
        account=order.account,
        command_ref=event.ref,
        time=event.clock_ns,
        client_order_id=order.client_order_id,
        order_id=order_id,
        symbol=order.symbol,
        reason=STUCK,
        detail=f"no word from the exchange for {waits_ms} ms",
        control_offset=decisions.control_offset(tables),
    )
    return Output(topics.DECISIONS, order.account, alarm)
