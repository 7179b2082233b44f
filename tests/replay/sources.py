"""Made-up sources for backtests: the inputs of the crash proofs, record by record, as a log would hold them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from agents.backtest import Source
from agents.handler import LogRecord
from streams.partition import partition_of
from streams.topics import BY_NAME
from tests.faults.cluster import PARTITIONS, Put
from tests.faults.commands import fixed_rounds


def of(puts: Iterable[Put], partitions: int = PARTITIONS) -> Iterator[Source]:
    """Each record where its key belongs, at the next offset."""
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    for topic, key, value, moment in puts:
        assert moment is not None
        partition = partition_of(key, BY_NAME[topic].partitions(partitions))
        offset = offsets[topic, partition]
        offsets[topic, partition] = offset + 1
        yield Source(topic, partition, LogRecord(offset, moment, key.encode(), value))


def mixed(seed: int = 3, rounds: int = 10) -> list[Put]:
    """Ticks, orders, cancels, deposits and poison."""
    return [put for puts in fixed_rounds(seed, rounds, 10) for put in puts]
