"""A candidate for the gate, made of its numbers alone."""

from typing import Any

import msgspec

from streams import control
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import Mark
from streams.orders import New
from tables import marks, profiles
from tables.account import Balance
from tables.candidate import Candidate
from tables.orders import OpenLots
from tables.position import Position

BTC = Instrument(symbol="BTC/USD.T", base="BTC", quote="USD", venue="T", tick="0.01", lot="0.001")
CASH = control.Account(account="a", type="cash", mode="sim")
MARGIN = control.Account(account="a", type="margin", mode="sim")
MARK = marks.view(
    Mark(
        symbol=BTC.symbol,
        bid=4_999_900,
        ask=5_000_101,
        bid_size=1,
        ask_size=1,
        last=0,
        mid2=10_000_001,
        status="live",
        time=1,
        received=1,
        source="test",
        cause=Ref("market.quotes", 0, 1),
    )
)


def candidate(
    side: str = "buy", type: str = "limit", *, terms: dict[str, Any] | None = None, **numbers: Any
) -> Candidate:
    """terms: further fields of the command; numbers: fields of the candidate, in ticks and lots."""
    command = New.model_validate(
        {
            "v": 1,
            "cmd": "new",
            "account": "a",
            "client_order_id": "c",
            "created_at": "2026-01-01T00:00:00Z",
            "symbol": BTC.symbol,
            "side": side,
            "type": type,
        }
        | (terms or {})
    )
    fields: dict[str, Any] = {
        "instrument": BTC,
        "profile": CASH,
        "limits": profiles.SHIPPED["default"],
        "mark": MARK,
        "position": Position(),
        "open": OpenLots(),
        "balance": Balance(),
        "rates": (1600, 2600),
        "qty": 100,
    }
    return Candidate(command, 1, 1 if side == "buy" else -1, **(fields | numbers))


def mark(mid2: int) -> Any:
    """The mark at another mid in half ticks."""
    return msgspec.structs.replace(MARK, mid2=mid2)
