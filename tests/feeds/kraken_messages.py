"""Frames in the shape of Kraken's WebSocket v2, and the v1 captures turned into that shape."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

HEARTBEAT = '{"channel":"heartbeat"}'
ONLINE = '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2","version":"2.0.9"}]}'
MAINTENANCE = ONLINE.replace("online", "maintenance")
SUBSCRIBED = '{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true,"req_id":1}'
REFUSED = '{"method":"subscribe","success":false,"error":"Currency pair not supported ABC/USD","symbol":"ABC/USD"}'

TRADE_TIME = "2026-03-02T10:00:00.250001Z"
TRADE_TIME_NS = 1_772_445_600_250_001_000
"""The same moment in ns; `datetime` and this number were worked out apart."""


def ticker(
    bid: str = "64000.1",
    ask: str = "64000.2",
    *,
    bid_qty: str = "0.5",
    ask_qty: str = "1.25",
    symbol: str = "BTC/USD",
    timestamp: str | None = TRADE_TIME,
    kind: str = "update",
) -> str:
    """A ticker frame; numbers are written as they are given."""
    time = f',"timestamp":"{timestamp}"' if timestamp is not None else ""
    row = f'"symbol":"{symbol}","bid":{bid},"bid_qty":{bid_qty},"ask":{ask},"ask_qty":{ask_qty}'
    return f'{{"channel":"ticker","type":"{kind}","data":[{{{row},"last":1.0{time}}}]}}'


def trade_row(
    trade_id: int | str,
    *,
    price: str = "64000.2",
    qty: str = "0.001",
    side: str = "buy",
    symbol: str = "BTC/USD",
    timestamp: str = TRADE_TIME,
) -> str:
    """One row of a trade frame; numbers are written as they are given."""
    return (
        f'{{"symbol":"{symbol}","side":"{side}","price":{price},"qty":{qty},"ord_type":"limit",'
        f'"trade_id":{trade_id},"timestamp":"{timestamp}"}}'
    )


def trades(*rows: str, kind: str = "update") -> str:
    """A trade frame of these rows."""
    return f'{{"channel":"trade","type":"{kind}","data":[{",".join(rows)}]}}'


def capture(path: Path) -> list[tuple[Decimal, str]]:
    """What the venue sent in a v1 capture, as (second, text); what was sent to it is left out."""
    lines = [line.split(": ", 1) for line in path.read_text().splitlines() if line.strip()]
    return [(Decimal(line[0]), line[1]) for line in lines if not line[0].startswith("wss")]


def as_v2(text: str, trade_ids: dict[str, int]) -> str:
    """A v1 message in v2 shape. v1 has no trade ids: they are counted here by pair."""
    message = json.loads(text, parse_float=Decimal)
    if isinstance(message, list):
        return _channel(message, trade_ids)
    match message["event"]:
        case "heartbeat":
            return HEARTBEAT
        case "systemStatus":
            return json.dumps({"channel": "status", "data": [{"system": message["status"]}]})
        case _:
            return json.dumps({"method": "subscribe", "success": message["status"] == "subscribed"})


def _channel(message: list[Any], trade_ids: dict[str, int]) -> str:
    _, payload, channel, pair = message
    if channel == "ticker":
        (ask, _, ask_qty), (bid, _, bid_qty) = payload["a"], payload["b"]
        return ticker(bid, ask, bid_qty=bid_qty, ask_qty=ask_qty, symbol=pair, timestamp=None)
    rows = []
    for price, qty, second, side, *_ in payload:
        trade_ids[pair] = trade_ids.get(pair, 0) + 1
        rows.append(
            trade_row(
                trade_ids[pair],
                price=price,
                qty=qty,
                side={"b": "buy", "s": "sell"}[side],
                symbol=pair,
                timestamp=_rfc3339(second),
            )
        )
    return trades(*rows)


def _rfc3339(second: str) -> str:
    whole, fraction = second.split(".")
    return datetime.fromtimestamp(int(whole), UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{fraction}Z")
