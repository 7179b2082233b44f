"""What the promotion job says of itself: /status, which the view shows, and metrics."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.metrics import Metrics
from api.promotion.job import Passed
from models.gate.settings import GateSettings

SWAPS = frozenset({"promote", "demote", "rollback", "canary"})


class PromotionMeter:
    """The figures of the job."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def swap(self, model: str, kind: str) -> None:
        """What serves was changed."""
        self._metrics.add("swaps_total", (model, kind))

    def evidence(self, model: str, value: float) -> None:
        """E of the best candidate."""
        self._metrics.set("champion_evalue", (model,), value)

    def to_decision(self, model: str, labels: int | None) -> None:
        """How many labels the nearest candidate still needs at its pace; None where nobody gains anything."""
        if labels is None:
            self._metrics.remove("labels_to_decision", (model,))
        else:
            self._metrics.set("labels_to_decision", (model,), labels)

    def trained(self, model: str, state: str, runs: int) -> None:
        """So many runs of a model have ended like this since the last call."""
        self._metrics.add("train_runs_total", (model, state), runs)

    def age(self, model: str, seconds: float) -> None:
        """How old the newest version in batch is that may serve."""
        self._metrics.set("model_age_seconds", (model,), seconds)

    def passed(self, seconds: float) -> None:
        """A pass over all models is done."""
        self._metrics.observe("promotion_seconds", (), seconds)


class Told:
    """The job's last words about each model. passes: how many it has made over all of them."""

    def __init__(self, gate: GateSettings, meter: PromotionMeter) -> None:
        self.passes = 0
        self._meter = meter
        self._models: dict[str, dict[str, Any]] = {}
        self._epochs: dict[str, int] = {}
        self.swaps: dict[str, int] = {}
        self._runs: dict[tuple[str, str], int] = {}
        self._settings = gate.changed()

    def status(self) -> dict[str, Any]:
        """By model what serves and what the gate knows; every change so far, by kind."""
        return {
            "models": self._models,
            "swaps": self.swaps,
            "settings": self._settings,
            "passes": self.passes,
        }

    def take(self, passed: Passed) -> None:
        """Show one pass."""
        found, alias = passed.evidence, passed.alias
        self._models[alias.model] = {
            "alias": msgspec.to_builtins(alias),
            "evidence": msgspec.to_builtins(found),
            "verdict": msgspec.to_builtins(passed.verdict),
        }
        best = max((each.evidence for each in found.candidates.values()), default=1.0)
        self._meter.evidence(alias.model, best)
        ahead = [each.to_decision for each in found.candidates.values()]
        known = [labels for labels in ahead if labels is not None]
        self._meter.to_decision(alias.model, min(known, default=None))
        before = self._epochs.get(
            alias.model, found.epoch
        )  # a person may have changed it meanwhile
        if alias.epoch != before and alias.action in SWAPS:
            self._meter.swap(alias.model, alias.action)
        self._epochs[alias.model] = alias.epoch

    def trainings(
        self, runs: Mapping[tuple[str, str], int], ages: Mapping[str, float | None]
    ) -> None:
        """Show all runs that have ended, by model and state, and the age of each model's newest version in batch."""
        for (model, state), count in runs.items():
            self._meter.trained(model, state, count - self._runs.get((model, state), 0))
            self._runs[model, state] = count
        for model, age in ages.items():
            if age is not None:
                self._meter.age(model, age)

    def ended(self, seconds: float) -> None:
        """A pass over all models is done."""
        self.passes += 1
        self._meter.passed(seconds)
