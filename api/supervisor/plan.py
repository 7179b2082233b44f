"""What `headrace up` was asked to do."""

from dataclasses import dataclass
from pathlib import Path

from api import scenarios
from api.feeding import FeedPlan


@dataclass(frozen=True)
class UpPlan:
    """seconds: end after these (of event time in lockstep); report: write it there at the end.

    lockstep: one round after the other, so that the run repeats to equal hashes. view: the live screen.
    controls: the API takes the kill switch too. features: the feature store is filled too. heavy: slow
    versions learn too.
    """

    feed: FeedPlan
    strategy: str = "signal"
    strategy_params: str = ""
    partitions: int | None = None
    seconds: float | None = None
    report: Path | None = None
    lockstep: bool = False
    fresh: bool = False
    view: bool = True
    controls: bool = False
    features: bool = False
    heavy: bool = False

    @property
    def promotion(self) -> str:
        """The settings of the promotion gate."""
        scenario = self.feed.scenario
        told = scenarios.SCRIPTS[scenario].promotion if scenario else scenarios.SIMULATION
        return f"{told},{scenarios.HEAVY}" if self.heavy else told

    @property
    def promotion_every_s(self) -> float:
        """How far apart its passes are."""
        scenario = self.feed.scenario
        return scenarios.SCRIPTS[scenario].every_s if scenario else scenarios.EVERY_S
