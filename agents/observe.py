"""Between the binding and the meter: what one committed chunk reports."""

import time
from collections import Counter
from collections.abc import Callable

from agents.fold import Chunk
from agents.group import Group
from streams.meter import EngineMeter


def observer(
    meter: EngineMeter, clock_ns: Callable[[], int] = time.time_ns
) -> Callable[[Group, Chunk, dict[str, float]], None]:
    """What the binding calls after each commit, with the chunk and its seconds by phase."""

    def observe(group: Group, chunk: Chunk, seconds: dict[str, float]) -> None:
        outputs = Counter(sent.topic for sent in chunk.outputs)
        committed_ms = clock_ns() // 1_000_000
        meter.chunk(group.name, chunk.times_ms, outputs, seconds, committed_ms)
        meter.transaction(group.name, "commit", seconds["commit"])
        for (topic, reason), records in chunk.dead.items():
            meter.dead_letter(topic, reason, records)
        meter.counts(chunk.counts)

    return observe
