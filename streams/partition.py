"""Where a key lives: the murmur2 partitioner of Kafka's own clients, everywhere."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

KEYS_REMEMBERED = 65_536


@lru_cache(maxsize=KEYS_REMEMBERED)
def partition_of(key: str, count: int) -> int:
    """The partition, of `count`, on which records of `key` belong."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % count)
