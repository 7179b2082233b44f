"""What versions would have said of examples as these came: base rates learn a label when it is known, no earlier."""

import heapq
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from models.online.adapter import Online
from models.online.baselines import NoChange, Prior
from models.online.versions import NO_CHANGE, PRIOR
from streams.predictions import Answer, Example


class Scores(Protocol):
    """A version of a training: see `models.batch.scorer`."""

    def predict(self, vector: Sequence[float]) -> float: ...


class _Lesson(NamedTuple):
    """A label that will be known."""

    known_at: int
    number: int
    up: bool


def answered(examples: Iterable[Example], scorers: Mapping[str, Scores]) -> Iterator[Example]:
    """The examples of one symbol, in order of time, with every version's answer; `prior` is what was served."""
    online: dict[str, Online] = {PRIOR: Prior(b""), NO_CHANGE: NoChange(b"")}
    lessons: list[_Lesson] = []
    for number, example in enumerate(examples):
        while lessons and lessons[0].known_at <= example.time:
            lesson = heapq.heappop(lessons)
            for version in online.values():
                version.learn((), lesson.up, 1.0, lesson.known_at)
        values = struct.unpack(f"<{len(example.vector) // 8}d", example.vector)
        answers = [Answer(name, version.predict(values)) for name, version in online.items()]
        answers += [Answer(name, scorer.predict(values)) for name, scorer in scorers.items()]
        if example.y is not None:
            heapq.heappush(lessons, _Lesson(example.known_at, number, example.y == 1))
        yield msgspec.structs.replace(
            example, outputs=tuple(answers), version=PRIOR, p=_of(answers, PRIOR)
        )


def _of(answers: Sequence[Answer], version: str) -> float | None:
    return next(answer.p for answer in answers if answer.version == version)
