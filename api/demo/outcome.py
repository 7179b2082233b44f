"""What the log says came of a scenario, as the lines in which `scenarios.toml` says what must."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.demo.scenario import Scenario
from api.demo.script import CASH, MS, START_MS
from streams import money
from streams.messages import TERMINAL, Decision, Fill, OrderEvent, Position

Messages = Mapping[str, Sequence[Any]]
"""The messages of `risk.decisions`, `fills`, `orders.events` and `positions`, each in the order of its partition."""


def lines(scenario: Scenario, log: Messages) -> tuple[str, ...]:
    """What came of it; a rejected command is a line too, so that it can never go unnoticed."""
    mine = {
        topic: [m for m in found if m.account == scenario.account] for topic, found in log.items()
    }
    positions = [p for p in mine["positions"] if p.symbol]
    return (
        *_refusals(mine["risk.decisions"]),
        *(_fill(fill, scenario) for fill in mine["fills"]),
        *_events(mine["orders.events"]),
        *((_position(p) for p in positions) if scenario.positions else ()),
        *((_money(positions[-1]),) if scenario.money and positions else ()),
        _last(positions),
    )


def _refusals(decisions: Iterable[Decision]) -> Iterable[str]:
    refused = (d for d in decisions if d.outcome == "rejected")
    return (f"{d.client_order_id} refused {d.reason} {d.detail}" for d in refused)


def _name(message: Fill | OrderEvent) -> str:
    """`entry` of an order, `sl` and `tp` of its exits."""
    return message.client_order_id.rpartition("/")[2]


def _fill(fill: Fill, scenario: Scenario) -> str:
    said = f"{_name(fill)} {fill.side} {fill.qty} @ {fill.price} {fill.liquidity}"
    if not scenario.latency_ms:
        return said
    return f"{said} at {_ms(fill.time)} ms, active at {_ms(fill.active_at)} ms"


def _ms(time: int) -> int:
    return time // MS - START_MS


def _events(events: Iterable[OrderEvent]) -> Iterable[str]:
    for event in events:
        if event.type == "RESTATED":
            yield f"{_name(event)} RESTATED {event.remaining}"
        elif event.state in TERMINAL and event.state != "FILLED":
            yield f"{_name(event)} {event.state} {event.reason}"


def _position(row: Position) -> str:
    return (
        f"qty {row.qty} cost {row.cost} average {row.average_price} gross {row.gross} net {row.net}"
    )


def _money(last: Position) -> str:
    """Cash and fees as the engine says; the house has what is missing of the deposit."""
    house = money.parse(CASH) - money.parse(last.cash) - money.parse(last.fees)
    return f"cash {last.cash} house {money.text(house)} fees {last.fees}"


def _last(positions: Sequence[Position]) -> str:
    if not positions:
        return "position 0 net 0"
    return f"position {positions[-1].qty} net {positions[-1].net}"
