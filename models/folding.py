"""The heavy lane's state: the lessons themselves, and checkpoints that show that learning them again gives the same."""

from collections.abc import Iterator, Sequence

import msgspec

from models.features import VECTOR
from models.learning import Kept, Learned, LearnerTable
from models.online import versions
from models.online.adapter import Online
from streams.state import Table

LESSONS_MAX, LESSONS_KEPT = 10_000, 1_000
"""After so many a version begins anew with the last ones, which bounds what is kept and how long a restore takes."""

CHECKPOINT_LESSONS, CHECKPOINTS = 5_000, 3
YIELD_LESSONS = 50


class Lesson(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One example. known_at: event time (ns)."""

    vector: bytes
    up: bool
    known_at: int


class Checkpoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a version's answers hashed to after lessons [start, end), and under which River, numpy and Python."""

    start: int
    end: int
    state_hash: str
    stamps: tuple[str, ...]


class HeavyTable(LearnerTable):
    """The table `learners` of the heavy lane; its objects are made by learning the lessons up to their mark."""

    def __init__(self, lessons: Table[Lesson], checkpoints: Table[Checkpoint]) -> None:
        super().__init__()
        self._lessons = lessons
        self._checkpoints = checkpoints

    def online(self, key: str, version: str, state: bytes) -> Online:
        """A version of a row in this state, learned again where it must be."""
        if version not in versions.HEAVY:
            return super().online(key, version, state)
        from models.online import trees

        live = self._live.get((key, version))
        if live is None or live.state != (state or trees.mark(0, 0)):
            for _ in self.fold(key, version, state):
                pass
        return self._live[key, version]

    def fold(self, key: str, version: str, state: bytes) -> Iterator[None]:
        """Learn again up to a mark, some lessons at a time; at each checkpoint passed the hashes must be equal.

        A version that comes to other answers under the same libraries is unsound.
        """
        from models.online import trees

        start, end = trees.span(state)
        made = trees.Tree(version, key.partition("|")[2], start)
        for number in range(start, end):
            lesson = self._lessons[lesson_key(key, number)]
            made.learn(VECTOR.unpack(lesson.vector), lesson.up, 1.0, lesson.known_at)
            if is_checkpoint(made.learned):
                self._check(key, version, made)
            if number % YIELD_LESSONS == 0:
                yield
        self._live[key, version] = made

    def teach(
        self, key: str, row: Learned, version: str, values: Sequence[float], up: bool, time: int
    ) -> None:
        """As of any version; every so often what it has come to is put down."""
        super().teach(key, row, version, values, up, time)
        if version not in versions.HEAVY:
            return
        from models.online import trees

        made = self.online(key, version, row.kept(version).state)
        assert isinstance(made, trees.Tree)
        start, end = trees.span(made.state)
        if is_checkpoint(made.learned):
            row_key = checkpoint_key(key, version, made.learned)
            found = Checkpoint(start, end, made.state_hash(), trees.STAMPS)
            self._checkpoints.put(row_key, found)

    def note(self, key: str, row: Learned, vector: bytes, up: bool, time: int) -> None:
        """Keep a lesson; where there are too many, let every version begin anew with the last ones."""
        from models.online import trees

        if row.lessons - row.first >= LESSONS_MAX:
            self._begin_anew(key, row)
        for version in versions.HEAVY:
            if version not in row.versions:
                row.versions[version] = Kept(trees.mark(row.lessons, row.lessons))
        self._lessons.put(lesson_key(key, row.lessons), Lesson(vector, up, time))
        row.lessons += 1

    def _begin_anew(self, key: str, row: Learned) -> None:
        from models.online import trees

        first, row.first = row.first, row.lessons - LESSONS_KEPT
        for version in versions.HEAVY:
            state = trees.mark(row.first, row.lessons)
            row.versions[version] = msgspec.structs.replace(row.kept(version), state=state)
        for number in range(first, row.first):
            self._lessons.delete(lesson_key(key, number))

    def _check(self, key: str, version: str, made: Online) -> None:
        from models.online import trees

        assert isinstance(made, trees.Tree)
        known = self._checkpoints.get(checkpoint_key(key, version, made.learned))
        if known is None or (known.start, known.end) != trees.span(made.state):
            return
        if known.stamps == trees.STAMPS and known.state_hash != made.state_hash():
            made.sound = False


def lesson_key(place: str, number: int) -> str:
    """Of one lesson of a place."""
    return f"{place}|{number:012d}"


def checkpoint_key(place: str, version: str, learned: int) -> str:
    """The last few of a version, each in the place of the oldest."""
    return f"{place}|{version}|{learned // CHECKPOINT_LESSONS % CHECKPOINTS}"


def is_checkpoint(learned: int) -> bool:
    """Whether so many lessons make one."""
    return learned > 0 and learned % CHECKPOINT_LESSONS == 0
