"""Lets a chunk out of quarantine: its rows are judged again by all the rules, and stored only if they are fit now."""

import asyncio

import msgspec

from api.backfill import rows
from api.backfill.carry import Means, Outcome, connected
from api.backfill.fetched import Fetched, Reference
from api.backfill.order import Order
from api.backfill.record import Connection, End, Ending, Record, Run, RunRefused, Step
from api.backfill.run import chunk_rules
from models.quality import candles
from models.quality.verdict import Verdict
from streams.bars import Candle
from streams.instants import SECOND

HELD = """
SELECT kind, row FROM quarantine WHERE run_id = %s AND chunk = %s AND released_at IS NULL ORDER BY kind, row_number"""


async def release(order: Order, means: Means, run_id: str, chunk: int, reason: str) -> Outcome:
    """Judge a quarantined chunk again and store it if it is fit; else it stays. Raises RunRefused."""
    if not reason:
        raise RunRefused("say with --reason why the chunk is to be released")
    now = int(means.world.now() * SECOND)
    async with connected(means.url) as sql:
        record = Record(sql)
        run = await record.begin(order, run_id, now)
        try:
            step = _step(run, chunk)
            fetched = await _held(sql, run, step)
        except RunRefused as error:
            await record.end(run, Ending(_state(run), error=str(error)))
            raise
        verdict = await asyncio.to_thread(_judged, means, run, step, fetched, now)
        changed = 0
        if verdict.valid:
            changed = await rows.load(record, run, step, fetched, verdict, reason=reason)
        else:
            await rows.refuse(record, run, step, fetched, verdict)
        ending = Ending(_state(run), error=verdict.reason)
        await record.end(run, ending)
    return Outcome(run, ending, len(fetched.bars) + len(fetched.references), changed)


def _step(run: Run, chunk: int) -> Step:
    found = next((step for step in run.steps if step.chunk.number == chunk), None)
    if found is None or found.state != "quarantined":
        state = "is not one of its" if found is None else f"is {found.state}, not in quarantine"
        raise RunRefused(f"chunk {chunk} of {run.run_id} {state}")
    return found


async def _held(sql: Connection, run: Run, step: Step) -> Fetched:
    """The rows of a chunk. Raises RunRefused where the answers could not even be read as bars."""
    asked = await sql.execute(HELD, [run.run_id, step.chunk.number])
    held = await asked.fetchall()
    bars = [msgspec.convert(row, Candle, strict=False) for kind, row in held if kind == "bar"]
    points = [
        msgspec.convert(row, Reference, strict=False) for kind, row in held if kind == "reference"
    ]
    if not bars or any(kind == "raw" for kind, _ in held):
        raise RunRefused(
            f"the answers of chunk {step.chunk.number} do not make bars; fetch it again with --resume {run.run_id}"
        )
    return Fetched(tuple(bars), tuple(points))


def _judged(means: Means, run: Run, step: Step, fetched: Fetched, now: int) -> Verdict:
    judge = means.judge(None)
    try:
        name = f"{run.run_id} chunk {step.chunk.number}"
        rules = chunk_rules(run.order, step.chunk, now)
        return judge.validate(name, candles.columns(fetched.bars), rules)
    finally:
        judge.close()


def _state(run: Run) -> End:
    """What the run is after it: whole, or with chunks that are refused, or with some that were never reached."""
    states = {step.state for step in run.steps}
    if states == {"loaded"}:
        return "succeeded"
    return "partial" if states <= {"loaded", "quarantined"} else "cancelled"
