"""A scenario's market as records of the log: reference data, then ticks and commands in groups of one moment each."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from api.demo.scenario import Scenario
from streams import codec, control, topics
from streams.messages import Bar, Message, Quote, Trade
from streams.orders import time_text
from streams.topics import Topic

START_MS = 1_767_571_200_000
"""Event time of the first step."""

MS = 1_000_000
BAR_MS = 50
CASH = "1000000"
SIZE = "1000"
SOURCE = "demo"
WIDE = {
    "order_notional_max": "100000000",
    "gross_exposure_max": "100000000",
    "fees_max": "100000000",
    "order_notional_bps": 100_000,
    "symbol_bps": 100_000,
    "cluster_bps": 100_000,
    "gross_bps": 100_000,
    "cvar_bps": 100_000,
}
"""Limits that refuse nothing here: what is shown is the exchange and the money, not the gate."""


class Put(NamedTuple):
    """One record to append. at_ms: its event time."""

    topic: Topic
    key: str
    value: bytes
    at_ms: int


def reference(scenario: Scenario) -> list[control.Record]:
    """The instrument, the account with its fees and wide limits, and its cash."""
    account = scenario.account
    return [
        control.InstrumentRecord(instrument=scenario.instrument),
        control.Account(
            account=account, mode="sim", maker_rate=scenario.maker, taker_rate=scenario.taker
        ),
        control.Limits.model_validate({"account": account} | WIDE),
        control.Cash(account=account, id="first", currency="USD", amount=CASH),
    ]


def groups(scenarios: Iterable[Scenario]) -> list[list[Put]]:
    """All scenarios side by side: steps of one moment and place together, to be worked off before the next."""
    found: dict[tuple[int, int], list[Put]] = defaultdict(list)
    for scenario in scenarios:
        seen: dict[int, int] = defaultdict(int)
        for number, line in enumerate(scenario.market):
            at_ms, *words = line.split()
            moment = int(at_ms)
            found[moment, seen[moment]].append(_put(scenario, number, moment, words))
            seen[moment] += 1
    return [found[place] for place in sorted(found)]


def _put(scenario: Scenario, number: int, moment: int, words: list[str]) -> Put:
    at_ms = START_MS + moment
    kind, *rest = words
    match kind:
        case "quote" | "repeat":
            quote = _quote(scenario, number, at_ms * MS, kind, rest)
            return _market(scenario, topics.QUOTES, quote, at_ms)
        case "trade":
            return _market(
                scenario, topics.TRADES, _trade(scenario, number, at_ms * MS, rest), at_ms
            )
        case "bar":
            return _market(scenario, topics.BARS, _bar(scenario, at_ms * MS, rest), at_ms)
        case _:
            command = _command(scenario, at_ms * MS, kind, rest)
            return Put(topics.ORDERS, scenario.account, json.dumps(command).encode(), at_ms)


def _market(scenario: Scenario, topic: Topic, message: Message, at_ms: int) -> Put:
    return Put(topic, scenario.instrument.symbol, codec.encode(message), at_ms)


def _quote(scenario: Scenario, number: int, time: int, kind: str, words: list[str]) -> Quote:
    bid, ask, bid_size, ask_size = (*words, SIZE, SIZE)[:4]
    instrument = scenario.instrument
    return Quote(
        instrument.symbol,
        instrument.price_ticks(bid),
        instrument.price_ticks(ask),
        instrument.qty_lots(bid_size),
        instrument.qty_lots(ask_size),
        time,
        time,
        number,
        SOURCE,
        "repeat" if kind == "repeat" else "",
    )


def _trade(scenario: Scenario, number: int, time: int, words: list[str]) -> Trade:
    price, size, side = words
    instrument = scenario.instrument
    assert side in ("buy", "sell"), side
    return Trade(
        instrument.symbol,
        instrument.price_ticks(price),
        instrument.qty_lots(size),
        time,
        time,
        number,
        SOURCE,
        side,  # type: ignore[arg-type]  # asserted above
    )


def _bar(scenario: Scenario, time: int, words: list[str]) -> Bar:
    instrument = scenario.instrument
    opened, high, low, close = (instrument.price_ticks(price) for price in words[:4])
    volume = instrument.qty_lots(words[4])
    start = time - BAR_MS * MS
    return Bar(instrument.symbol, opened, high, low, close, volume, start, time, time, SOURCE)


def _command(scenario: Scenario, time: int, name: str, words: list[str]) -> dict[str, Any]:
    side, qty, kind, *fields = words
    given = dict(field.split("=") for field in fields)
    bracket: dict[str, Any] = {}
    if "stop_loss" in given:
        bracket["stop_loss"] = {"stop_price": given.pop("stop_loss")}
    if "trail" in given:
        bracket["stop_loss"] = {"trail": {"ticks": int(given.pop("trail"))}}
    if "take_profit" in given:
        bracket["take_profit"] = {"price": given.pop("take_profit")}
    command: dict[str, Any] = {
        "v": 1,
        "cmd": "new",
        "account": scenario.account,
        "client_order_id": name,
        "created_at": time_text(time),
        "symbol": scenario.instrument.symbol,
        "side": side,
        "type": kind,
        "qty": qty,
    }
    if given.pop("reduce_only", ""):
        command["reduce_only"] = True
    return command | given | ({"bracket": bracket} if bracket else {})
