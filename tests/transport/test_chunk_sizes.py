"""The same inputs give the same bytes: whatever the chunk size, as over dicts, and from run to run in lockstep."""

from collections import defaultdict

import pytest

from streams import topics
from streams.exits import Exit
from streams.log import Record
from tests.faults import cluster
from tests.transport import outcome
from tests.transport.conftest import MakeWorker
from tests.transport.demo import DEMO
from tests.transport.dict_run import DictRun, sums
from tests.transport.records import put_accepted, put_quotes

pytestmark = pytest.mark.kafka

Lines = dict[int, list[tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int]]]


def lines(records: list[Record]) -> Lines:
    """Per partition what a consumer sees, but for offsets."""
    found: Lines = defaultdict(list)
    for r in records:
        found[r.partition].append((r.key, r.value, r.headers, r.timestamp_ms))
    return found


def over_dicts(brokers: str) -> tuple[Lines, dict[str, int]]:
    """The outputs of one chunk a partition over the records as they lie in the log, and the quotes counted."""
    found: Lines = defaultdict(list)
    counts: dict[str, int] = {}
    for partition in range(cluster.PARTITIONS):
        run = DictRun(DEMO, partition, cluster.PARTITIONS)
        run.cell.progress.epoch = 1
        records = [r for r in cluster.read(brokers, "market.quotes") if r.partition == partition]
        run.apply(topics.QUOTES, [cluster.as_fetched(record) for record in records])
        for sent in run.outputs:
            line = (sent.key, sent.value, (("stamp", sent.stamp),), sent.timestamp_ms)
            found[sent.partition].append(line)
        counts |= {symbol: row.quotes for symbol, row in sums(run.cell).items()}
    return found, counts


@pytest.mark.parametrize("size", [1, 7, 5_000])
def test_a_chunk_size_gives_the_bytes_that_the_run_over_dicts_gives(
    brokers: str, worker: MakeWorker, size: int
) -> None:
    inputs = put_quotes(0, 800)
    inputs[100] = ("market.quotes", "S4.X", b"{", inputs[100][3])
    cluster.put(brokers, inputs)
    w = worker(settings={"HEADRACE_CHUNK_RECORDS": str(size)})
    cluster.until_applied(["market.quotes"], w)
    assert w.stop(5) == Exit.CLEAN
    written = lines(cluster.read(brokers, "features") + cluster.read(brokers, "dead.letters"))
    expected, counts = over_dicts(brokers)
    assert {p: sorted(found) for p, found in written.items()} == {
        p: sorted(found) for p, found in expected.items()
    }
    assert lines(cluster.read(brokers, "features")) == {
        p: [line for line in found if b"NOT_JSON" not in (line[1] or b"")]
        for p, found in expected.items()
    }
    assert {s: row["quotes"] for s, row in outcome.last_values(brokers).items()} == counts


def test_two_lockstep_runs_over_both_inputs_give_equal_bytes(
    brokers: str, worker: MakeWorker
) -> None:
    runs = []
    for number in range(2):
        cluster.empty_topics(brokers)
        cluster.put(brokers, put_quotes(0, 2_000) + put_accepted(0, 200))
        settings = {"HEADRACE_LOCKSTEP": "true", "HEADRACE_CHUNK_RECORDS": "300"}
        w = worker(f"w{number}", settings={**settings, "HEADRACE_APP": f"lockstep-{number}"})
        w.app = f"lockstep-{number}"
        cluster.until_applied(["market.quotes", "orders.accepted"], w)
        assert w.stop(5) == Exit.CLEAN
        runs.append([cluster.read(brokers, name) for name in ("features", "symbol-state")])
    assert runs[0] == runs[1]
    assert len(runs[0][0]) == 200 + 2 * 200
