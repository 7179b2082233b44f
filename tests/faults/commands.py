"""Commands as a foreign program would send them: plain JSON, of every kind, from a seed; some cannot be used."""

import json
import random
import time
from typing import Any

from streams import control
from tests.faults import market
from tests.faults.cluster import Put
from tests.faults.market import ACCOUNTS, SYMBOLS, Clock, Market

POISON = (b"{", b"\xff\xfe", b"[]", b'{"v":1,"cmd":"new"}')
TICKS_PER_COMMAND = 8
TICK_NS = 4_000_000


class Commands:
    """New orders, cancels, repeats, deposits, poison."""

    def __init__(self, chance: random.Random, prices: Market, clock: Clock) -> None:
        self._chance = chance
        self._market = prices
        self._clock = clock
        self._number = 0
        self._sent: list[tuple[str, bytes]] = []
        self._names: list[tuple[str, str]] = []

    def next(self) -> Put:
        """The next one."""
        self._number += 1
        chance, now = self._chance, self._clock() // 1_000_000
        kind = chance.random()
        account = chance.choice(ACCOUNTS)
        if kind < 0.02:
            return "orders", account, chance.choice(POISON), now
        if kind < 0.05 and self._sent:
            account, value = chance.choice(self._sent[-200:])
            return "orders", account, value, now
        if kind < 0.07:
            cash = market.deposit(account, f"d{self._number}", f"{chance.randint(1, 500)}.25")
            return "control", control.key(cash), control.encode(cash), now
        command = self._cancel(account) if kind < 0.2 and self._names else self._new(account)
        value = json.dumps(command).encode()
        self._sent.append((command["account"], value))
        return "orders", command["account"], value, now

    def _head(self, cmd: str, account: str) -> dict[str, Any]:
        name = f"c{self._number}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock() // 10**9))
        return {
            "v": 1,
            "cmd": cmd,
            "account": account,
            "client_order_id": name,
            "created_at": moment,
        }

    def _cancel(self, account: str) -> dict[str, Any]:
        if self._chance.random() < 0.1:
            return self._head("cancel", account) | {"target": "*"}
        account, target = self._chance.choice(self._names[-100:])
        return self._head("cancel", account) | {"target": target}

    def _new(self, account: str) -> dict[str, Any]:
        chance = self._chance
        symbol = chance.choice(SYMBOLS) if chance.random() < 0.98 else "NONE.SIM"
        side = chance.choice(["buy", "buy", "sell"])
        order = self._head("new", account) | {"symbol": symbol, "side": side}
        order["qty"] = f"{chance.randint(1, 40) / 10}"
        mid = self._market.mid.get(symbol, market.FIRST_TICKS)
        away = 1 if side == "buy" else -1
        kind = chance.choice(["market", "market", "limit", "limit", "stop"])
        order["type"] = kind
        if kind == "limit":
            order["price"] = _price(mid - away * chance.randint(-3, 15))
            order["tif"] = chance.choice(["GTC", "GTC", "GTC", "IOC", "FOK"])
        if kind == "stop":
            order["stop_price"] = _price(mid + away * chance.randint(3, 20))
        if kind != "stop" and chance.random() < 0.3:
            order["bracket"] = {
                "stop_loss": {"stop_price": _price(mid - away * chance.randint(20, 40))},
                "take_profit": {"price": _price(mid + away * chance.randint(20, 40))},
            }
        self._names.append((account, order["client_order_id"]))
        return order


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}"


def name_of(value: bytes | None) -> tuple[str, str] | None:
    """Account and id of a command that has both."""
    if value is None or value in POISON:
        return None
    command = json.loads(value)
    return command["account"], command["client_order_id"]


def fixed_rounds(seed: int, rounds: int, commands: int) -> list[list[Put]]:
    """The same inputs whenever they are asked for: reference data, then rounds of so many commands among ticks.

    A round is put when the one before has been applied: commands find the prices of former rounds.
    """
    chance, moment = random.Random(seed), [1_790_000_000 * 10**9]

    def clock() -> int:
        moment[0] += TICK_NS
        return moment[0]

    prices = Market(chance, clock)
    source = Commands(chance, prices, clock)
    found = [[*market.reference(clock() // 1_000_000)], [prices.tick() for _ in range(200)]]
    for _ in range(rounds):
        puts = []
        for _ in range(commands):
            puts += [prices.tick() for _ in range(TICKS_PER_COMMAND)]
            puts.append(source.next())
        found.append(puts)
    return found
