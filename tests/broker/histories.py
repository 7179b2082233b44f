"""Random histories for the exchange: orders of every kind, cancels, replaces, quotes and trades, by a seed."""

import random
from typing import Any

from streams import topics
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import (
    Accepted,
    CancelAccepted,
    Quote,
    ReplaceAccepted,
    ToBroker,
    Trade,
)
from tests.broker.exchange import MS, START, SYMBOL, instrument

MIDDLE = 500
STEPS = 80
WILD = 0.1
"""How often a quote or trade is out of order, stale, crossed, without size, or an order far away."""

PLAIN = instrument(latency_low_ms=0, latency_high_ms=4)
COSTLY = [
    {"slippage": "fixed_bps", "slippage_bps": 13, "queue": "never"},
    {"slippage": "spread_vol", "slippage_volatility_bps": 7, "queue": "always"},
    {"slippage": "impact", "slippage_bps": 9},
]
Step = tuple[str, dict[str, Any]]


def known(seed: int) -> Instrument:
    """An instrument with the cost models of a seed."""
    models = [{}, {}, *COSTLY][seed % 5]
    return instrument(latency_low_ms=0, latency_high_ms=4, **models)


def history(seed: int, steps: int = STEPS) -> list[Step]:
    """Orders, cancels, replaces, quotes and trades around a wandering price; the same for the same seed."""
    draw = random.Random(seed)
    drawn = {
        "order": _order,
        "cancel": _cancel,
        "replace": _replace,
        "quote": _quote,
        "trade": _trade,
    }
    middle, found = MIDDLE, []
    for kind in draw.choices(list(drawn), weights=[5, 1, 2, 9, 5], k=steps):
        middle += draw.choice([-3, -1, 0, 0, 0, 0, 1, 3])
        found.append((kind, drawn[kind](draw, middle)))
    return found


def _order(draw: random.Random, middle: int) -> dict[str, Any]:
    kind = draw.choice(["market", "limit", "limit", "limit", "stop", "stop_limit", "trailing_stop"])
    return {
        "side": draw.choice(["buy", "sell"]),
        "type": kind,
        "tif": draw.choice(["GTC", "GTC", "GTC", "GTD", "IOC", "FOK"]),
        "expires": draw.randint(1, 12),
        "qty": draw.choice([1, 4, 9, 30]),
        "price": middle + draw.randint(-5, 5),
        "away": draw.randint(-2, 2),
        "protection": draw.choice([0, 0, 2]),
        "reduce_only": draw.random() < 0.2,
        "post_only": draw.random() < 0.2,
        "trigger": draw.choice(["quote", "quote", "trade", "mark"]),
        "trail": draw.choice([(1, 0), (3, 0), (0, 50), (0, 110)]),
        "bracket": draw.choice(["", "", "stop", "both", "both", "trail"]),
        "stop_trigger": draw.choice(["quote", "quote", "trade", "mark"]),
        "distance": draw.randint(1, 7),
        "account": draw.choice(["a", "a", "b"]),
        "group": draw.choice(["", "", "", "", "oco", "ouo", "oto", "oto"]),
        "which": draw.randrange(40),
        "mode": "production" if draw.random() < 0.02 else "sim",
    }


def _cancel(draw: random.Random, middle: int) -> dict[str, Any]:
    return {
        "which": draw.randrange(40),
        "exit": draw.choice(["", "", "", "/sl", "/tp"]),
        "reason": draw.choice(["CLIENT", "CLIENT", "KILLED", "FLATTENED"]),
    }


def _replace(draw: random.Random, middle: int) -> dict[str, Any]:
    return {
        "which": draw.randrange(40),
        "exit": draw.choice(["", "", "", "/sl", "/tp"]),
        "qty": draw.choice([0, 0, 1, 5, 12]),
        "price": draw.choice([0, middle + draw.randint(-4, 4)]),
        "stop_price": draw.choice([0, 0, middle + draw.randint(-4, 4)]),
        "trail": draw.choice([(0, 0), (0, 0), (2, 0), (0, 90)]),
    }


def _quote(draw: random.Random, middle: int) -> dict[str, Any]:
    wild = draw.random() < WILD
    return {
        "bid": middle,
        "spread": draw.choice([0, -1, 8]) if wild else draw.choice([1, 1, 2, 3]),
        "sizes": (draw.choice([0, 2, 5, 12]), draw.choice([0, 2, 5, 12]))
        if wild
        else (draw.choice([2, 3, 5, 12]), draw.choice([2, 3, 5, 12])),
        "flags": draw.choice(["stale", "repeat", "suspect"]) if wild else "",
        "later": draw.choice([0, -1]) if wild else draw.choice([0, 1, 2]),
        "sequence": draw.choice([1, 1, 1, -5]),
    }


def _trade(draw: random.Random, middle: int) -> dict[str, Any]:
    wild = draw.random() < WILD
    return {
        "price": middle + draw.randint(-4, 4),
        "size": draw.choice([0, 1, 4, 12]),
        "side": draw.choice(["buy", "sell", "sell", ""]),
        "later": draw.choice([-1, 3000]) if wild else draw.choice([0, 1]),
        "flags": "suspect" if draw.random() < 0.05 else "",
    }


class Market:
    """Turns drawn steps into the records of a log, the same for every engine."""

    def __init__(self) -> None:
        self.time = START
        self.orders: list[str] = []
        self.offset = 0

    def records(self, history: list[Step]) -> list[tuple[str, Any, int]]:
        """(topic, message, time) of each step."""
        return [self.record(kind, drawn, number) for number, (kind, drawn) in enumerate(history)]

    def record(self, kind: str, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        """(topic, message, time) of one step."""
        made: tuple[str, Any, int] = getattr(self, f"_{kind}")(drawn, number)
        return made

    def _order(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        accepted = Accepted(
            order_id=f"1-0-{self.offset}",
            client_order_id=f"c{number}",
            account=drawn["account"],
            symbol=SYMBOL,
            side=drawn["side"],
            type=drawn["type"],
            tif=drawn["tif"],
            qty=drawn["qty"],
            reduce_only=drawn["reduce_only"],
            maker_rate=200,
            taker_rate=1200,
            reserved="0",
            command_ref=Ref("orders", 0, number),
            time=self.time,
            trigger=drawn["trigger"],
            mode=drawn["mode"],
            **self._prices(drawn),
            **self._extras(drawn),
            **self._group(drawn),
        )
        self.orders.append(accepted.order_id)
        self.offset += 1
        return topics.ACCEPTED.name, ToBroker(order=accepted), self.time

    def _prices(self, drawn: dict[str, Any]) -> dict[str, Any]:
        sign, price, kind = 1 if drawn["side"] == "buy" else -1, drawn["price"], drawn["type"]
        bracket = "" if drawn["reduce_only"] else drawn["bracket"]
        fixed = bracket in ("stop", "both")
        bounded = drawn["protection"] and kind in ("market", "stop")
        return {
            "price": price + drawn["away"] if kind in ("limit", "stop_limit") else 0,
            "stop_price": price if kind in ("stop", "stop_limit") else 0,
            "stop_loss": price - sign * drawn["distance"] if fixed else 0,
            "take_profit": price + sign * drawn["distance"] if bracket in ("both", "trail") else 0,
            "stop_loss_trail_ticks": drawn["distance"] if bracket == "trail" else 0,
            "stop_loss_trigger": drawn["stop_trigger"],
            "protection": price + sign * drawn["protection"] if bounded else 0,
        }

    def _extras(self, drawn: dict[str, Any]) -> dict[str, Any]:
        trails = drawn["type"] == "trailing_stop"
        rests = drawn["type"] == "limit" and drawn["tif"] in ("GTC", "GTD")
        return {
            "expire_at": self.time + drawn["expires"] * MS if drawn["tif"] == "GTD" else 0,
            "post_only": drawn["post_only"] and rests,
            "trail_ticks": drawn["trail"][0] if trails else 0,
            "trail_bps": drawn["trail"][1] if trails else 0,
        }

    def _group(self, drawn: dict[str, Any]) -> dict[str, Any]:
        kind = drawn["group"]
        if kind == "oto":
            parent = self.orders[-1 - drawn["which"] % 3] if len(self.orders) > 3 else "1-0-99"
            return {"group_kind": kind, "parent_id": parent}
        name = f"{kind}{self.offset // 6}" if kind else ""
        return {"group_kind": kind, "group_id": name}

    def _cancel(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        target = self.orders[drawn["which"] % len(self.orders)] if self.orders else "1-0-99"
        ref = Ref("orders", 0, number)
        cancel = CancelAccepted(
            target + drawn["exit"], "a", SYMBOL, ref, drawn["reason"], self.time
        )
        self.offset += 1
        return topics.ACCEPTED.name, ToBroker(cancel=cancel), self.time

    def _replace(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        target = self.orders[drawn["which"] % len(self.orders)] if self.orders else "1-0-99"
        asked = ReplaceAccepted(
            order_id=target + drawn["exit"],
            replace_id=f"r{number}",
            account="a",
            symbol=SYMBOL,
            command_ref=Ref("orders", 0, number),
            time=self.time,
            qty=drawn["qty"],
            price=drawn["price"],
            stop_price=drawn["stop_price"],
            trail_ticks=drawn["trail"][0],
            trail_bps=drawn["trail"][1],
        )
        self.offset += 1
        return topics.ACCEPTED.name, ToBroker(replace=asked), self.time

    def _quote(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        time = self._at(drawn["later"])
        bid = drawn["bid"]
        bid_size, ask_size = drawn["sizes"]
        quote = Quote(
            SYMBOL, bid if bid_size else 0, bid + drawn["spread"], bid_size, ask_size,
            time, time, number + drawn["sequence"], "test", drawn["flags"],
        )  # fmt: skip
        return topics.QUOTES.name, quote, time

    def _trade(self, drawn: dict[str, Any], number: int) -> tuple[str, Any, int]:
        time = self._at(drawn["later"])
        side, flags = drawn["side"], drawn["flags"]
        trade = Trade(SYMBOL, drawn["price"], drawn["size"], time, time, 1, "test", side, flags)
        return topics.TRADES.name, trade, time

    def _at(self, later: int) -> int:
        self.time += max(0, later) * MS
        return self.time + min(0, later) * MS
