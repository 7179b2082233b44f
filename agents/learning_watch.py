"""What a learner's worker measures beside its outputs: how long answers and lessons take, and how many labels wait."""

import time
from collections import Counter
from collections.abc import Iterable

from agents.cells import LearnerTables
from agents.fold import Cell
from agents.learner_tables import MODELS
from agents.metrics import Metrics


class LearningWatch:
    """The clock of the learners of one process, over its metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def now(self) -> float:
        """Seconds."""
        return time.perf_counter()

    def spent(self, name: str, model: str, since: float) -> None:
        """Put down what has passed since then."""
        self._metrics.observe(name, (model,), time.perf_counter() - since)


def show_pending(metrics: Metrics, cells: Iterable[Cell]) -> None:
    """How many predictions of each model wait for their labels in these cells."""
    waiting: Counter[str] = Counter()
    for cell in cells:
        tables = cell.tables
        if isinstance(tables, LearnerTables):
            for place, count in tables.waiting.lines.lengths():
                waiting[place.partition("|")[0]] += count
    for model in MODELS:
        if model.name in waiting:
            metrics.set("labels_pending", (model.name,), waiting[model.name])
        else:
            metrics.remove("labels_pending", (model.name,))
