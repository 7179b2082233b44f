"""How one order takes from the shown book, and how one that rests is filled; both settle what follows from a fill."""

from agents import groups, protection
from agents.execution import Execution
from agents.records import Deal
from tables import costs, matching
from tables.costs import Taking
from tables.matching import Depth, Leg
from tables.resting import RestingOrder


def take(work: Execution, order: RestingOrder) -> None:
    """Fill an order against the shown book as far as it goes, then settle what its rest does."""
    depth = work.depth(order.side)
    assert depth is not None
    if protection.is_crossed(work, order):
        protection.cancel(work, order, "STOP_CROSSED")
        return
    room = work.reducible(order)
    legs, bounded = matching.walk(depth, order.side, room, order.worst, _least(work, order))
    if order.tif == "FOK" and sum(leg.qty for leg in legs) < order.free:
        short = "REDUCE_ONLY" if room < order.free else "FOK_UNFILLED"
        protection.cancel(work, order, short)
        return
    slippage = costs.slippage_ticks(work.instrument, _taking(work, depth, room))
    for leg in legs:
        live = _take_leg(work, order, leg, slippage)
        if live is None:
            return
        order = live
    rest(work, order, bounded)


def make(work: Execution, order: RestingOrder, left: int, rule: str, queue: int = 0) -> int:
    """Fill a resting limit at its price from `left` lots; returns how many it used."""
    qty = min(work.reducible(order), left)
    if qty == 0:
        protection.cancel(work, order, "REDUCE_ONLY")
        return 0
    settle(work, order, Deal(qty, order.price, rule, True, left, left - qty, queue_ahead=queue))
    if protection.is_crossed(work, order):
        stop_out(work, order.order_id)
    live = work.exchange.orders.get(order.order_id)
    if live is not None and live.free and work.reducible(live) == 0:
        protection.cancel(work, live, "REDUCE_ONLY")
    return qty


def settle(work: Execution, order: RestingOrder, deal: Deal) -> None:
    """Book a fill and bring brackets and groups in step with it."""
    work.fill(order, deal)
    protection.filled(work, order, deal.qty)
    groups.filled(work, order, deal.qty)


def rest(work: Execution, order: RestingOrder, bounded: bool) -> None:
    """What becomes of the part of a taker that did not fill. bounded: its worst price ended the walk."""
    if not order.free:
        return  # a child that waits for more of its parent
    if work.reducible(order) == 0:
        protection.cancel(work, order, "REDUCE_ONLY")
    elif bounded and not order.is_limit:
        protection.cancel(work, order, "PROTECTION")
    elif order.tif == "IOC":
        protection.cancel(work, order, "IOC_REST")
    else:
        stay(work, order)


def stay(work: Execution, order: RestingOrder) -> None:
    """Let an order work on: a limit takes its place in the queue, a triggered stop keeps its state."""
    queue = work.queue_for(order, order.price) if order.is_limit else order.queue
    if order.state == "ACCEPTED" or (order.state == "TRIGGERED" and order.is_limit):
        work.step(order, "WORKING", "WORKING", queue=queue)
    else:
        work.update(order, queue=queue)


def arrive(work: Execution, order: RestingOrder) -> None:
    """Decide on a limit at its activation: it takes, rests, or is refused."""
    if not is_marketable(work, order):
        if protection.is_crossed(work, order):
            protection.cancel(work, order, "STOP_CROSSED")
        elif order.tif in ("IOC", "FOK"):
            protection.cancel(work, order, "IOC_REST" if order.tif == "IOC" else "FOK_UNFILLED")
        else:
            stay(work, order)
    elif order.post_only:
        protection.reject(work, order, "POST_ONLY_WOULD_TAKE")
    else:
        take(work, order)


def stop_out(work: Execution, entry_id: str) -> None:
    """An entry filled on the wrong side of its own stop: its rest goes, what has filled is stopped out at once."""
    bracket = work.exchange.brackets[entry_id]
    entry = work.exchange.orders.get(entry_id)
    if entry is not None:
        protection.cancel(work, entry, "STOP_CROSSED")
    stop = work.exchange.orders[bracket.stop_id]
    if stop.state == "UNTRIGGERED":
        stop = trigger(work, stop)
    if work.may_take(stop):
        take(work, stop)


def trigger(work: Execution, order: RestingOrder) -> RestingOrder:
    """Set a stop off."""
    return work.step(order, "TRIGGERED", "TRIGGERED", trigger_ref=work.cause)


def is_marketable(work: Execution, order: RestingOrder) -> bool:
    """Whether a limit would take from the shown book."""
    depth = work.depth(order.side)
    return depth is not None and order.sign * (order.price - depth.price) >= 0


def alive(work: Execution) -> None:
    """Let orders that came alive in this record take from it where they can."""
    for order_id in work.armed:  # grows when one of them fills and arms others
        order = work.exchange.orders.get(order_id)
        if order is None or not work.may_take(order):
            continue
        if order.state == "UNTRIGGERED" and not order.is_exit and work.sets_off(order):
            order = trigger(work, order)
        if order.is_limit and order.state != "UNTRIGGERED":
            _revive(work, order)
        elif order.state != "UNTRIGGERED" and order.free:
            take(work, order)


def _revive(work: Execution, order: RestingOrder) -> None:
    if is_marketable(work, order) or order.tif in ("IOC", "FOK") or order.state == "TRIGGERED":
        arrive(work, order)


def _take_leg(work: Execution, order: RestingOrder, leg: Leg, slippage: int) -> RestingOrder | None:
    """Book one leg; the order as it is then, None when it has ended."""
    qty = min(leg.qty, work.reducible(order))  # a leg may have shrunk the bracket of this exit
    depth = work.depth(order.side)
    assert depth is not None
    left = matching.left_of(depth, leg.block)
    work.use(order.side, qty, leg.block)
    price = slipped(order, leg.price, slippage)
    rule = "WALK" if leg.block else "STOP" if is_set_off(order) else "TAKER"
    paid = abs(price - leg.price)
    settle(work, order, Deal(qty, price, rule, False, left, left - qty, leg.block, 0, paid))
    return work.exchange.orders.get(order.order_id)


def is_set_off(order: RestingOrder) -> bool:
    """A stop that fills at market."""
    return order.is_stop and not order.is_limit


def slipped(order: RestingOrder, price: int, slippage: int) -> int:
    """A price worse by the slippage, but not beyond the order's worst, nor below one tick."""
    worse = max(1, price + order.sign * slippage)
    if order.worst and order.sign * (worse - order.worst) > 0:
        return order.worst
    return worse


def _taking(work: Execution, depth: Depth, qty: int) -> Taking:
    bid, ask = work.bid, work.ask
    spread = max(0, ask.price - bid.price) if bid is not None and ask is not None else 0
    return Taking(depth.price, spread, qty, depth.size)


def _least(work: Execution, order: RestingOrder) -> int:
    """A stop that a trade sets off fills no better than that trade."""
    by_this_trade = order.trigger == "trade" and order.trigger_ref == work.cause
    return work.trade_price if by_this_trade and is_set_off(order) else 0
