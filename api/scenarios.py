"""Named markets that show something in a few minutes: what the feed does, and which settings of the gate differ."""

from dataclasses import dataclass
from enum import StrEnum

from streams.feeds.synthetic import Drift


class Scenario(StrEnum):
    """drift: the book's sizes say nothing at first, then much; whoever learns it is promoted over `prior`."""

    DRIFT = "drift"


@dataclass(frozen=True)
class Script:
    """symbols, speed: of the market. promotion: the gate's settings. every_s: between its passes."""

    drift: Drift
    symbols: str
    speed: str
    promotion: str
    every_s: float


SIMULATION = "auto_promote=true,parity_required=false,entry_evidence_min=0"
"""Of any `headrace up`: no feature store to compare with need run, and entries are made though they cost money."""

HEAVY = "first_shadows=qi+arf3+mix+lin_adam+lin"
"""Where slow versions learn too, the first forest competes."""

EVERY_S = 5.0

SCRIPTS = {
    Scenario.DRIFT: Script(
        drift=Drift(first_s=45.0, rate=0.67),
        symbols="BTC/USD.SIM,ETH/USD.SIM,SOL/USD.SIM,XRP/USD.SIM",
        speed="4",
        promotion=",".join(
            (
                SIMULATION,
                "first_champion=prior",
                "labels_min=200",
                "class_labels_min=50",
                "event_s_min=60",
                "calibration_labels_min=500",
                "recent_labels=2000",
                "canary_s_min=20",
                "canary_labels_min=60",
            )
        ),
        every_s=2.0,
    )
}
