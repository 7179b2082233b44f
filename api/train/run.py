"""One training from its rows to its registered versions, kept in the record of runs at each step."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from api.quality import results
from api.registry import versions
from api.train import tracker
from api.train.refused import NotTrained
from api.train.tracker import Connection, Outcome
from models.batch import frame, train
from models.batch.frame import Read
from models.batch.split import Parts, TooFew
from models.batch.train import Ready, Task, Trained
from models.quality.training import TrainingRules
from models.quality.verdict import Verdict
from streams.predictions import Example

Validate = Callable[[Mapping[str, Any], TrainingRules], Verdict]
"""Whether a training frame is valid; see `models.quality.frame.validate_frame`."""


Load = Callable[[], Awaitable[list[Example]]]
"""Reads the rows; raises NotTrained."""


class Result(NamedTuple):
    """A run that has ended. docs: the address of the pages on its rows, "" where there are none."""

    run_id: str
    outcome: Outcome
    trained: list[Trained]
    docs: str = ""


async def run(
    sql: Connection,
    run_id: str,
    task: Task,
    load: Load,
    validate: Validate,
    key: bytes = b"",
) -> Result:
    """A queued run, from its start to its end. Within `tracker.training`. Raises RunLost.

    key: what signs the versions. An error that is no rule's ends the run as failed, and is raised.
    """
    await tracker.start(sql, run_id)
    outcome = Outcome("failed")
    trained: list[Trained] = []
    try:
        read = frame.read(await load(), task.features, task.spec, task.config.model)
        outcome = msgspec.structs.replace(
            outcome, dataset_sha256=read.frame.sha256(), offsets=read.offsets
        )
        ready = await asyncio.to_thread(prepared, read, task)
        outcome = _split(outcome, ready.parts)
        await _judged(sql, run_id, ready, task, validate)
        fitted = await asyncio.to_thread(train.fit, ready, task)
        looks = await tracker.look(sql, run_id, outcome.dataset_sha256)
        outcome = msgspec.structs.replace(outcome, test_looks=looks)
        trained = [train.judge(each, ready, read, task) for each in fitted]
    except NotTrained as error:
        outcome = msgspec.structs.replace(outcome, error=str(error))
    except BaseException as error:
        failed = msgspec.structs.replace(outcome, error=f"{type(error).__name__}: {error}")
        await tracker.end(sql, run_id, failed)
        raise
    outcome = await _store(sql, run_id, outcome, trained, key)
    return Result(run_id, outcome, trained)


def prepared(read: Read, task: Task) -> Ready:
    """The parts. Raises NotTrained."""
    try:
        return train.prepared(read, task)
    except TooFew as error:
        left_out = ", ".join(f"{count} {why}" for why, count in read.left_out.items())
        raise NotTrained(f"too_few: {error}; left out: {left_out or 'none'}") from error


async def _judged(
    sql: Connection, run_id: str, ready: Ready, task: Task, validate: Validate
) -> None:
    """Put the train rows to the quality suite, and keep what it says. Raises NotTrained."""
    columns, rules = train.quality(ready, task)
    verdict = await asyncio.to_thread(validate, columns, rules)
    async with sql.transaction():
        await results.store(sql, run_id, verdict)
    if not verdict.valid:
        raise NotTrained(f"quality: {verdict.reason}")


def _split(outcome: Outcome, parts: Parts) -> Outcome:
    return msgspec.structs.replace(
        outcome,
        purged=parts.purged,
        split={
            "train_end": parts.train_end,
            "validation_end": parts.validation_end,
            "embargo": parts.embargo,
            "train": len(parts.train),
            "validation": len(parts.validation),
            "test": len(parts.test),
        },
    )


async def _store(
    sql: Connection, run_id: str, outcome: Outcome, trained: list[Trained], key: bytes
) -> Outcome:
    """The versions, their files and the run's end in one transaction: all of it or nothing."""
    if trained:
        rejected = all(each.refusals for each in trained)
        outcome = msgspec.structs.replace(
            outcome,
            state="rejected" if rejected else "succeeded",
            versions=tuple(each.version.version for each in trained),
            metrics={
                each.version.algorithm: {**each.metrics, "refusals": each.refusals}
                for each in trained
            },
        )
    async with sql.transaction():
        for each in trained:
            await versions.register(sql, each.version, each.files, key)
        await tracker.end(sql, run_id, outcome)
    return outcome
