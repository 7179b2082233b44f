"""What `headrace verify` finds: the broken rules of the books, the rows that differ, and the proof of the replay."""

import time
from dataclasses import dataclass, field
from typing import Any

from agents.group import Group
from agents.outbox import HandlerFailed
from api.replay import proof
from api.replay.logs import KafkaLog
from api.replay.proof import Proof
from api.replay.recorded import Progress
from api.replay.stretch import Unverifiable
from api.verify import database, history, rules
from api.verify.cut import cut
from api.verify.history import Violation
from streams.cursor import LogTruncated
from streams.settings import Settings

HOLDS, BROKEN, UNVERIFIABLE = 0, 1, 2


@dataclass
class Verdict:
    """unverifiable: why something could not be judged; records: how many the books were counted from."""

    records: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    rows: int = 0
    proof: Proof | None = None
    unverifiable: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def code(self) -> int:
        """The command's exit code."""
        if self.violations or (self.proof is not None and not self.proof.equal):
            return BROKEN
        return UNVERIFIABLE if self.unverifiable else HOLDS

    def report(self) -> dict[str, Any]:
        """As JSON."""
        proved = self.proof
        return {
            "holds": self.code == HOLDS,
            "records": self.records,
            "rows": self.rows,
            "violations": [{"rule": v.rule, "detail": v.detail} for v in self.violations],
            "unverifiable": self.unverifiable,
            "replay": None
            if proved is None
            else {
                "equal": proved.equal,
                "inputs": proved.steps,
                "chunks": proved.chunks,
                "records": proved.records,
                "sha256": proved.sha256,
                "sha256_replayed": proved.replayed,
                "differences": [str(each) for each in proved.differences],
            },
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Wanted:
    """What to verify. since_ms, until_ms: of the replay, None: everything; the books are counted from the beginning."""

    since_ms: int | None = None
    until_ms: int | None = None
    at_rest: bool = False
    replay: bool = True
    rows: bool = True


async def judge(
    settings: Settings, groups: tuple[Group, ...], wanted: Wanted, progress: Progress
) -> Verdict:
    """Count the books, compare the rows, replay."""
    started, verdict = time.perf_counter(), Verdict()
    await _books(settings, wanted, verdict)
    if wanted.replay:
        try:
            verdict.proof = await proof.prove(
                KafkaLog(settings.brokers),
                groups,
                settings.partitions,
                wanted.since_ms,
                wanted.until_ms,
                progress,
            )
        except (Unverifiable, LogTruncated, TimeoutError) as error:
            verdict.unverifiable.append(f"replay: {error}")
        except HandlerFailed as failed:
            what = f"the replay fails where the live run did not, at {failed}"
            verdict.violations.append(Violation("I11", what))
    verdict.seconds = time.perf_counter() - started
    return verdict


async def _books(settings: Settings, wanted: Wanted, verdict: Verdict) -> None:
    try:
        found = await history.read(settings.brokers)
    except TimeoutError:
        verdict.unverifiable.append("books: a transaction has been open for too long")
        return
    verdict.records = {topic: len(records) for topic, records in sorted(found.records.items())}
    lost = [f"{t}[{p}]" for (t, p), begin in found.begins.items() if begin and t in history.BOOKS]
    if lost:
        verdict.unverifiable.append(f"books: the beginning of {', '.join(lost)} is gone")
    else:
        verdict.violations += rules.check(cut(found), at_rest=wanted.at_rest)
    if wanted.rows and settings.postgres_url:
        verdict.rows, differing = await database.check(settings.postgres_url, found)
        verdict.violations += differing
