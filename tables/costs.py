"""What an execution costs beside its price: fee, slippage and latency, three small functions the broker is given.

Latency is event time. Its draw is a function of the command's place in the log, so a replay draws the same.
"""

from hashlib import sha256
from typing import Literal

from streams import money
from streams.ids import Ref
from streams.instruments import Instrument
from streams.messages import Side

SEED = 0
NS_PER_MS = 1_000_000


def fee(notional: int, rate: int) -> int:
    """Money units charged on a notional in money units; rate: integers of 0.01 basis point."""
    return money.fee(notional, rate)


def no_slippage(price: int, side: Side) -> int:
    """The price in ticks at which a taker fills, given the book's: the same."""
    return price


def latency_ns(
    instrument: Instrument, command: Ref, purpose: Literal["order", "cancel"], seed: int = SEED
) -> int:
    """Uniform draw from [latency_low_ms, latency_high_ms] of the instrument, in ns."""
    low = instrument.latency_low_ms * NS_PER_MS
    span = instrument.latency_high_ms * NS_PER_MS - low + 1
    text = f"{seed}|{command.topic}|{command.partition}|{command.offset}|{purpose}"
    return low + int.from_bytes(sha256(text.encode()).digest()) % span
