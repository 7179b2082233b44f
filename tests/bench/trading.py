"""Orders and quotes of many accounts over a few symbols, each side in turn so that nobody's position grows."""

import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from streams import codec, control
from streams.messages import Quote
from streams.orders import time_text
from streams.partition import partition_of
from streams.topics import CONTROL, ORDERS, QUOTES
from tests.bench import reference
from tests.bench.market import SOURCE, symbols
from tests.bench.openloop import Item, Sender
from tests.bench.workers import PARTITIONS

ACCOUNTS = 200
SYMBOLS_A_PARTITION = 1
BID = 10_000
SWING = 7
"""The bid moves by a tick with each quote, over so many ticks, so that displayed sizes are fresh."""

DISPLAYED = 1_000_000


def _spread() -> list[str]:
    """Symbols that every partition has equally many of."""
    found: dict[int, list[str]] = {}
    for symbol in symbols(100):
        of = found.setdefault(partition_of(symbol, PARTITIONS), [])
        if len(of) < SYMBOLS_A_PARTITION:
            of.append(symbol)
    return sorted(symbol for of in found.values() for symbol in of)


SYMBOLS = _spread()
NAMES = [f"account-{number:03d}" for number in range(ACCOUNTS)]


async def publish(producer: AIOKafkaProducer) -> None:
    """Puts the instruments, and the accounts with their cash, on `control`."""
    records: list[control.Record] = [reference.instrument(symbol) for symbol in SYMBOLS]
    for name in NAMES:
        records += reference.account(name)
    await reference.publish(producer, records, CONTROL.name)


def orders(run: str, numbers: range) -> Iterator[Item]:
    """Market orders of one lot, created now; the client_order_id of number n is `run`-n."""
    now = time.time_ns()
    created = time_text(now)
    for number in numbers:
        round_, account = divmod(number, ACCOUNTS)
        turn, symbol = divmod(round_, len(SYMBOLS))
        value = (
            f'{{"v":1,"cmd":"new","account":"{NAMES[account]}","client_order_id":"{run}-{number}",'
            f'"created_at":"{created}","symbol":"{SYMBOLS[symbol]}","side":"{"sell" if turn % 2 else "buy"}",'
            '"type":"market","qty":"0.01"}'
        )
        yield Item(NAMES[account], value.encode(), now // 1_000_000)


def quotes(numbers: range) -> Iterator[Item]:
    """Quotes of the symbols in turn, as of now."""
    now = time.time_ns()
    for number in numbers:
        turn, symbol = divmod(number, len(SYMBOLS))
        bid = BID + turn % SWING
        quote = Quote(
            symbol=SYMBOLS[symbol],
            bid=bid,
            ask=bid + 1,
            bid_size=DISPLAYED,
            ask_size=DISPLAYED,
            time=now,
            received=now,
            sequence=number,
            source=SOURCE,
        )
        yield Item(quote.symbol, codec.encode(quote), now // 1_000_000)


class Desk:
    """Sends the orders and quotes of one row."""

    def __init__(self, for_orders: AIOKafkaProducer, for_quotes: AIOKafkaProducer) -> None:
        self._orders = Sender(for_orders, PARTITIONS)
        self._quotes = Sender(for_quotes, PARTITIONS)

    async def order(self, run: str, numbers: range) -> None:
        """Sends orders of these numbers."""
        await self._orders.send(ORDERS, orders(run, numbers))

    async def quote(self, numbers: range) -> None:
        """Sends quotes of these numbers."""
        await self._quotes.send(QUOTES, quotes(numbers))

    async def settle(self) -> None:
        """Waits until everything is on the broker."""
        await self._orders.settle()
        await self._quotes.settle()
