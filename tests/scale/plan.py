"""A plan on paper for a load that no machine here can make: `python -m tests.scale.plan` prints docs/scale.md's table.

Every line is a product of lines above it. What was measured comes from `make scale` and docs/benchmarks, on two shared
cores: a core there is called a core here, and the margin is wide for that reason.
"""

import math
from typing import NamedTuple

SYMBOLS, EVENTS_S = 1_000, 100_000
COMMAND_SHARE, FEATURE_SHARE = 0.01, 0.10
"""Of events: commands of strategies; ticks after which a vector is written (docs/benchmarks/profile.md: 0.101)."""

TICK_US, COMMAND_US, VECTOR_US = 5, 600, 920
"""CPU: of a tick (P1 of the benchmarks); of a command with all that follows and of a vector learned (`make scale`)."""

PEAK, BUSY = 3, 0.6
"""The busiest minute over the mean; how busy a worker may be then."""

TICK_BYTES, VECTOR_BYTES, LEARNED_BYTES, COMMAND_BYTES = 150, 450, 900, 9_600
"""On the wire, uncompressed; of a vector's prediction, label, example; of a command's ten records and changelog."""

STATE_BYTES, CHUNKS_S = 2_600, 5
"""Rows of a symbol's cell that change with each chunk, and chunks a second."""

WORKERS_A_PARTITION = 0.5
"""Of the larger group: twice as many workers can be had later."""

REPLICAS, LZ4 = 3, 4
TICK_DAYS, REST_DAYS = 7, 7
BROKER_MB_S = 60
"""What one broker takes in, its replicas' traffic and reads beside it, on one NVMe disk and 10 Gbit/s."""

SINK_ROWS_S, ROW_BYTES, COLUMNSTORE = 100_000, 110, 10
"""Of one sink process and its database core, half of what a bare loop writes; raw; by compression."""

HISTORY_DAYS = 90
MB = 10**6


class Line(NamedTuple):
    """what, how it is reckoned, the result with its unit."""

    what: str
    how: str
    result: str


def _workers(cpu_s: float) -> int:
    return math.ceil(cpu_s * PEAK / BUSY)


def lines() -> list[Line]:
    """The plan, in order."""
    commands, vectors = EVENTS_S * COMMAND_SHARE, EVENTS_S * FEATURE_SHARE
    trading = (EVENTS_S * TICK_US + commands * COMMAND_US) / MB
    learning = vectors * VECTOR_US / MB
    traders, learners = _workers(trading), _workers(learning)
    partitions = 2 ** math.ceil(math.log2(max(traders, learners) / WORKERS_A_PARTITION))
    ticks = EVENTS_S * TICK_BYTES / MB
    learned = vectors * (VECTOR_BYTES + LEARNED_BYTES) / MB
    ordered = commands * COMMAND_BYTES / MB
    state = SYMBOLS * STATE_BYTES * CHUNKS_S / MB
    written = ticks + learned + ordered + state
    brokers = max(REPLICAS, math.ceil(written * REPLICAS / BROKER_MB_S)) + 1
    stored = ticks * TICK_DAYS / LZ4 + (learned + ordered) * REST_DAYS
    kept = stored * 86_400 * REPLICAS / MB
    rows = EVENTS_S + 4 * vectors + 8 * commands
    day = rows * ROW_BYTES * 86_400 / COLUMNSTORE / MB / MB
    found = [
        ("commands, vectors", f"{COMMAND_SHARE:.0%} and {FEATURE_SHARE:.0%} of {EVENTS_S:,} events/s",
         f"{commands:,.0f}/s, {vectors:,.0f}/s"),
        ("cores that trade", f"{EVENTS_S:,} x {TICK_US} µs + {commands:,.0f} x {COMMAND_US} µs", f"{trading:.1f}"),
        ("cores that learn", f"{vectors:,.0f} x {VECTOR_US} µs", f"{learning:.1f}"),
        ("workers that trade, that learn", f"cores x peak {PEAK} / {BUSY:.0%} busy, one core each",
         f"{traders}, {learners}"),
        ("partitions", f"workers of the larger group / {WORKERS_A_PARTITION}, next power of two; fixed for life",
         f"{partitions}"),
        ("symbols a partition", f"{SYMBOLS:,} / {partitions}", f"{SYMBOLS / partitions:.1f}"),
        ("written", f"ticks {ticks:.0f} + learning {learned:.1f} + orders {ordered:.1f} + state {state:.0f} MB/s",
         f"{written:.0f} MB/s"),
        ("brokers", f"{written:.0f} MB/s x {REPLICAS} replicas / {BROKER_MB_S} MB/s, and one that may be away",
         f"{brokers}"),
        ("log kept", f"ticks {TICK_DAYS} d at lz4 {LZ4}:1, the rest {REST_DAYS} d as written, {REPLICAS} replicas",
         f"{kept:.0f} TB"),
        ("rows into the history", f"{EVENTS_S:,} + 4 x {vectors:,.0f} + 8 x {commands:,.0f}", f"{rows:,.0f}/s"),
        ("sinks, database cores", f"rows x peak {PEAK} / {SINK_ROWS_S:,}",
         f"{math.ceil(rows * PEAK / SINK_ROWS_S)}"),
        ("history kept", f"rows x {ROW_BYTES} B / {COLUMNSTORE} by the columnstore x {HISTORY_DAYS} d",
         f"{day * HISTORY_DAYS:.0f} TB"),
    ]  # fmt: skip
    return [Line(*row) for row in found]


def table() -> str:
    """The plan as Markdown."""
    head = ["| what | reckoned | result |", "| --- | --- | --- |"]
    return "\n".join(
        [*head, *(f"| {line.what} | {line.how} | {line.result} |" for line in lines())]
    )


if __name__ == "__main__":
    print(table())
