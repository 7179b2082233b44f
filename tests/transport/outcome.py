"""What the demo group must have written, counted again from its inputs by plain loops."""

from collections import Counter
from typing import Any

import msgspec

from streams import topics
from streams.log import Record
from tests.faults import cluster

Place = tuple[int, int]


def check(brokers: str) -> int:
    """Assert that every tenth quote has one output and that all sums are exact; the number of outputs."""
    cluster.until_decided(brokers, ["features", "symbol-state"])
    quotes = cluster.read(brokers, "market.quotes")
    counts, sizes, expected = Counter[str](), Counter[str](), {}
    for record in quotes:
        quote = topics.QUOTES.decode(record.value or b"")
        counts[quote.symbol] += 1
        sizes[quote.symbol] += quote.bid_size
        if quote.sequence % 10 == 0:
            expected[record.partition, record.offset] = counts[quote.symbol]
    outputs = cluster.read(brokers, "features")
    found = [output_of(record) for record in outputs]
    made, due = Counter(place for place, _count in found), Counter(expected.keys())
    assert not made - due, f"made twice or for nothing: {made - due}"
    assert not due - made, f"missing: {due - made}"
    assert dict(found) == expected
    rows = last_values(brokers)
    assert {s: (row["quotes"], row["sizes"]) for s, row in rows.items()} == {
        s: (counts[s], sizes[s]) for s in counts
    }
    return len(outputs)


def output_of(record: Record) -> tuple[Place, int]:
    """Which quote made it, and what it says."""
    message = topics.FEATURES.decode(record.value or b"")
    topic, partition, offset = message.quote_ref
    assert topic == "market.quotes"
    return (partition, offset), message.sequence


def last_values(brokers: str) -> dict[str, dict[str, Any]]:
    """The rows of the changelog, by symbol."""
    rows: dict[str, dict[str, Any]] = {}
    for record in cluster.read(brokers, "symbol-state"):
        key = (record.key or b"").decode()
        if key.startswith("sums|") and record.value is not None:
            row = msgspec.json.decode(record.value[1:])
            rows[key.removeprefix("sums|")] = {"quotes": 0, "sizes": 0, "orders": 0} | row
    return rows
