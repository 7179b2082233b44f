"""The kill switch is pulled among two thousand orders: how soon it blocks, and how soon nothing is open any more."""

from pathlib import Path

from api.demo import kill as switch
from api.demo.engine import engine
from api.drills.report import Report
from streams.local_part import Progress

BLOCKED_S_MAX = 2.0


async def drill(directory: Path, say: Progress) -> Report:
    """On a broker and a worker of its own, on simulated accounts."""
    report = Report("kill")
    async with engine(directory, say, lockstep=False) as running:
        found = await switch.show(running, say)
    report.rto_s = found.cancelled_s
    report.sizes["orders"] = found.resting + found.queued
    report.check(
        f"blocked on every partition within {BLOCKED_S_MAX:g} s",
        0 < found.blocked_s <= BLOCKED_S_MAX,
        f"{found.blocked_s:.3f} s",
    )
    report.check("nothing accepted afterwards", not found.late, ", ".join(found.late[:3]))
    report.check("no order left open", not found.left, ", ".join(found.left[:3]))
    report.check("what came meanwhile was refused", found.refused > 0, f"{found.refused} refused")
    report.notes.append("positions were not flattened: these accounts hold none")
    return report
