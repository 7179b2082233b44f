"""Closes positions for a kill or a latch: one reduce-only market order each, following the cancels to the broker."""

from collections.abc import Iterator
from typing import Any

from agents import decisions
from agents.handler import Event, Output
from streams import topics
from streams.messages import Accepted, Decision, Side, ToBroker
from tables import fees, intake, open_orders
from tables.account_tables import AccountTables
from tables.orders import LiveOrder, Spent, Terms, pair
from tables.position import Position


def close(event: Event[Any], scope: str, tables: AccountTables, generation: int) -> list[Output]:
    """Orders that close every position in scope, by account and symbol."""
    outputs: list[Output] = []
    for account, symbol, side, lots in _open(scope, tables):
        place = len(outputs) // 2
        order_id = f"{generation}-flatten{_cause(event)}-{tables.partition}-{event.offset}-{place}"
        outputs += _order(event, order_id, (account, symbol), (side, lots), tables)
    return outputs


def _cause(event: Event[Any]) -> str:
    """What else than a control record closes positions: offsets of two topics may be equal."""
    return "" if event.topic == topics.CONTROL.name else f":{event.topic}:{event.partition}"


def _control_offset(event: Event[Any]) -> int:
    return event.offset if event.topic == topics.CONTROL.name else -1


def _open(scope: str, tables: AccountTables) -> Iterator[tuple[str, str, Side, int]]:
    """What may have to be closed: each position, with fills of entries that are under way; the broker clamps it."""
    for account, holdings in tables.holdings.items():
        for symbol in sorted(holdings.symbols):
            if scope not in ("global", f"account:{account}", f"symbol:{symbol}"):
                continue
            highest, lowest = _range(account, symbol, tables)
            if highest > 0:
                yield account, symbol, "sell", highest
            if lowest < 0:
                yield account, symbol, "buy", -lowest


def _range(account: str, symbol: str, tables: AccountTables) -> tuple[int, int]:
    """The highest and the lowest position that the broker can have once the cancels have taken effect."""
    held = (tables.positions.get(pair(account, symbol)) or Position()).qty
    up = down = held
    for order_id in tables.open_orders.of(account):
        order = tables.orders[order_id]
        if order.symbol == symbol and not order.reduce_only:
            up += order.remaining if order.side > 0 else 0
            down -= order.remaining if order.side < 0 else 0
    return up, down


def _order(
    event: Event[Any],
    order_id: str,
    of: tuple[str, str],
    closing: tuple[Side, int],
    tables: AccountTables,
) -> list[Output]:
    (account, symbol), (side, lots) = of, closing
    profile = tables.profiles.get(account)
    rates = (0, 0) if profile is None else fees.rates(profile, event.clock_ns, tables)
    live = LiveOrder(
        account=account,
        client_order_id=order_id,
        symbol=symbol,
        side=1 if side == "buy" else -1,
        type="market",
        terms=Terms(qty=lots, reserved_lot=0, reducing=True),
        reduce_only=True,
        maker_rate=rates[0],
        taker_rate=rates[1],
        accepted_at=event.clock_ns,
    )
    open_orders.accept(tables, order_id, live)
    spent = Spent(-1, "", "accepted", 0, event.clock_ns, order_id=order_id, state=live.state)
    intake.spend(tables, pair(account, order_id), spent, event.clock_ns)
    return [
        _decided(event, order_id, live, tables),
        Output(topics.ACCEPTED, symbol, ToBroker(order=_accepted(event, order_id, live, side))),
    ]


def _decided(event: Event[Any], order_id: str, live: LiveOrder, tables: AccountTables) -> Output:
    mark = tables.marks.get(live.symbol)
    decision = Decision(
        decision_id=order_id,
        kind="control",
        outcome="accepted",
        account=live.account,
        command_ref=event.ref,
        time=event.clock_ns,
        client_order_id=order_id,
        order_id=order_id,
        symbol=live.symbol,
        reason="FLATTEN",
        detail=f"book {'missing' if mark is None else mark.status}",
        control_offset=max(decisions.control_offset(tables), _control_offset(event)),
        mode=decisions.SIMULATED,
        mode_epoch=tables.mode_epoch(live.account),
    )
    return Output(topics.DECISIONS, live.account, decision)


def _accepted(event: Event[Any], order_id: str, live: LiveOrder, side: Side) -> Accepted:
    return Accepted(
        order_id=order_id,
        client_order_id=order_id,
        account=live.account,
        symbol=live.symbol,
        side=side,
        type="market",
        tif="GTC",
        qty=live.qty,
        price=0,
        stop_price=0,
        stop_loss=0,
        take_profit=0,
        protection=0,
        reduce_only=True,
        maker_rate=live.maker_rate,
        taker_rate=live.taker_rate,
        reserved="0",
        command_ref=event.ref,
        time=event.clock_ns,
        strategy="",
    )
