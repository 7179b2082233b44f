"""Orders that belong together: a fill of one cancels or shrinks the others, a parent's fill arms its children."""

import msgspec

from agents import activation, protection
from agents.execution import Execution
from tables.groups import GROUPS_REMEMBERED, Family
from tables.resting import RestingOrder


def filled(work: Execution, order: RestingOrder, qty: int) -> None:
    """Draw the consequences of a fill of `qty` lots, before anything else matches."""
    if order.group_kind in ("oco", "ouo"):
        _remember(work, order.family, qty)
        for other in _live(work, order.family):
            if other.order_id != order.order_id:
                shrink(work, other, qty)
    for child in _live(work, order.order_id):
        if child.held:
            _arm(work, child, min(child.held, qty))


def shrink(work: Execution, order: RestingOrder, qty: int) -> None:
    """Let an order give way to `qty` lots that others of its group have filled."""
    if order.group_kind == "oco" or order.remaining <= qty:
        protection.cancel(work, order, "GROUP_FILLED")
    else:
        work.step(order, "RESTATED", order.state, qty=order.qty - qty)


def join(work: Execution, order: RestingOrder) -> None:
    """Bring a new order in step with what its group, or its parent, has filled before it came."""
    if order.group_kind == "oto":
        _follow(work, order)
    elif order.group_kind:
        family = work.exchange.groups.get(order.family)
        if family is not None:
            shrink(work, order, family.filled)


def settle(work: Execution) -> None:
    """What an ended parent has not armed will never be."""
    for parent_id in work.ended:  # grows when a child ends
        for child in _live(work, parent_id):
            if not child.free:
                protection.cancel(work, child, "PARENT_ENDED")
            elif child.held:
                work.step(child, "RESTATED", child.state, qty=child.qty - child.held, held=0)


def _arm(work: Execution, child: RestingOrder, lots: int) -> None:
    """Free so many lots of a child, which may take with them at once if it had none."""
    if child.state == "HELD":
        activation.arm(work, child, held=child.held - lots)
        return
    work.step(child, "RESTATED", child.state, held=child.held - lots)
    if not child.free:
        work.armed.append(child.order_id)


def _follow(work: Execution, child: RestingOrder) -> None:
    """A child whose parent has filled already is an order of its own, so far; without a live parent there is none."""
    parent = work.exchange.orders.get(child.parent_id)
    if parent is None:
        protection.cancel(work, child, "PARENT_ENDED")
    elif parent.filled:
        work.update(child, held=max(0, child.qty - parent.filled))
    else:
        work.begin(msgspec.structs.replace(child, state="HELD", held=child.qty))


def _remember(work: Execution, family: str, qty: int) -> None:
    groups = work.exchange.groups
    known = groups.get(family)
    groups.put(
        family,
        Family(qty, work.time) if known is None else Family(known.filled + qty, known.since),
    )
    if len(work.exchange.groups_by_age) > GROUPS_REMEMBERED:
        oldest = work.exchange.groups_by_age.oldest()
        assert oldest is not None, "a memory that is full has an oldest entry"
        groups.delete(oldest)


def _live(work: Execution, family: str) -> list[RestingOrder]:
    orders = (work.exchange.orders.get(order_id) for order_id in work.exchange.families.of(family))
    return [order for order in orders if order is not None]
