"""What people and foreign programs write on `orders` and `control`, each model least and with every field."""

from typing import Any

_COMMAND = {"v": 1, "account": "paper", "created_at": "2026-01-01T00:00:00Z"}
_NEW = _COMMAND | {"cmd": "new", "symbol": "BTC/USD.KRAKEN", "side": "buy"}

COMMANDS: list[dict[str, Any]] = [
    _NEW | {"client_order_id": "a1", "type": "market", "qty": "0.5"},
    _NEW
    | {
        "client_order_id": "a2",
        "type": "limit",
        "qty": "0.5",
        "price": "60000",
        "tif": "GTD",
        "expire_at": "2026-01-01T01:00:00Z",
        "post_only": True,
        "strategy": "signal",
        "group": {"kind": "oco", "id": "g1"},
        "bracket": {"stop_loss": {"stop_price": "59000"}, "take_profit": {"price": "62000"}},
        "prediction": {
            "topic": "predictions",
            "partition": 0,
            "offset": 9,
            "model": "direction",
            "version": "1",
            "p": "0.61",
            "edge_bps": "4.2",
        },
    },
    _NEW
    | {
        "client_order_id": "a3",
        "type": "trailing_stop",
        "qty": "0.5",
        "trail": {"bps": 50},
        "trigger": "trade",
        "reduce_only": True,
        "protection_bps": 200,
    },
    _NEW
    | {
        "client_order_id": "a4",
        "type": "stop_limit",
        "sizing": {"nav_bps": 100, "vol": "0.6", "edge_bps": "5"},
        "price": "61100",
        "stop_price": "61000",
        "group": {"kind": "oto", "parent": "a2"},
    },
    _COMMAND | {"cmd": "cancel", "client_order_id": "c1", "target": "a2"},
    _COMMAND
    | {
        "cmd": "cancel",
        "client_order_id": "c2",
        "target": "*",
        "symbol": "BTC/USD.KRAKEN",
        "reason": "end of day",
    },
    _COMMAND
    | {
        "cmd": "replace",
        "client_order_id": "r1",
        "target": "a2",
        "qty": "0.4",
        "price": "60001",
        "reason": "closer",
    },
    _COMMAND
    | {"cmd": "replace", "client_order_id": "r2", "target": "a4", "stop_price": "61001"}
    | {"trail": {"ticks": 10}},
]

_INSTRUMENT = {
    "symbol": "BTC/USD.KRAKEN",
    "base": "BTC",
    "quote": "USD",
    "venue": "KRAKEN",
    "tick": "0.1",
    "lot": "0.00000001",
}

_SHARES = (
    "loss_bps",
    "drawdown_bps",
    "order_notional_bps",
    "symbol_bps",
    "cluster_bps",
    "gross_bps",
    "cvar_bps",
    "bracket_loss_bps",
    "spread_bps",
)

RECORDS: list[dict[str, Any]] = [
    {"kind": "instrument", "instrument": _INSTRUMENT},
    {"kind": "account", "account": "paper"},
    {
        "kind": "account",
        "account": "paper",
        "type": "margin",
        "base_currency": "EUR",
        "mode": "sim",
        "fees": "kraken",
        "maker_rate": -100,
        "taker_rate": 2600,
        "watchdog": "rules",
        "enabled": False,
    },
    {
        "kind": "fees",
        "name": "house",
        "tiers": [{"from": "0", "maker": 1600, "taker": 2600}],
        "confirm": True,
    },
    {"kind": "limits", "account": "paper"},
    {
        "kind": "limits",
        "account": "paper",
        "profile": "careful",
        "loss_max": "5000",
        "fees_max": "500",
        "order_notional_max": "1500000",
        "gross_exposure_max": "10000000",
        "var95_max": "3000",
        "var99_max": "6000",
        **dict.fromkeys(_SHARES, 500),
        "correlation_bps": 8500,
        "stale_ms": 2000,
        "cooldown_minutes": 30,
        "bars": 120,
        "open_orders_max": 200,
        "symbol_open_orders_max": 50,
        "rate_per_s": 10,
        "rate_burst": 20,
        "bracket_required": True,
        "flatten": True,
        "symbols": {"BTC/USD.KRAKEN": {"position_max": "2", "order_notional_max": "100000"}},
    },
    {"kind": "review", "order_id": "1-0-7", "verdict": "veto", "reviewer": "ann", "reason": "size"},
    {"kind": "cash", "account": "paper", "id": "initial", "currency": "USD", "amount": "100000"},
    {
        "kind": "kill",
        "scope": "global",
        "action": "kill",
        "reason": "drill",
        "seq": 1,
        "flatten": True,
    },
    {
        "kind": "kill",
        "scope": "symbol:BTC/USD.KRAKEN",
        "action": "resume",
        "reason": "drill over",
        "seq": 2,
        "issuer": "ann",
    },
    {"kind": "resume", "account": "paper", "reason": "reviewed", "seq": 1, "issuer": "ann"},
    {"kind": "reset", "symbol": "BTC/USD.KRAKEN", "reason": "calm again", "issuer": "ann"},
]
