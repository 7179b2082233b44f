"""Every threshold of the promotion gate, by name; what a run sets otherwise is shown wherever the gate is shown."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any


class SettingRefused(ValueError):
    """No setting of this name, or a value that it cannot have."""


@dataclass(frozen=True)
class GateSettings:
    """Defaults are what production runs. Times are seconds of event time, money is basis points of notional.

    alpha: of a false promotion while one champion serves, over all candidates. lead_s: how far behind the newest clock
    a change takes effect. auto_promote: without it the gate proposes and a person promotes. first_champion,
    first_shadows: of a model that has none yet; those with better chances first, as a later one needs more evidence.
    canary_orders_min: of either side, before their shares of rejected orders are compared.
    """

    first_champion: str = "lin"
    first_shadows: str = "qi+mix+lin_adam+lin+pa"

    alpha: float = 0.05
    candidates_max: int = 4
    difference_min: float = 0.005
    stake_max: float = 0.5
    pseudo_labels: float = 10.0
    pseudo_variance: float = 0.25

    labels_min: int = 500
    class_labels_min: int = 100
    event_s_min: float = 86_400.0

    calibration_labels_min: int = 1_000
    recent_labels: int = 1_000
    calibration_error_max: float = 0.05

    cost_clip_bps: float = 50.0
    cost_evidence_max: float = 10.0
    drawdown_min: float = -0.10
    entry_evidence_min: float = 20.0

    inline_ms_max: float = 1.0
    heavy_ms_max: float = 50.0
    timed_vectors: int = 10_000
    abstention_points_max: float = 0.05
    parity_required: bool = True

    lead_s: float = 30.0
    auto_promote: bool = False
    canary_s_min: float = 86_400.0
    canary_labels_min: int = 200
    canary_loss_bps_max: float = 200.0
    canary_orders_min: int = 100
    canary_reject_points_max: float = 0.01

    demotion_evidence: float = 5.0
    demotion_calibration_error: float = 0.15
    pause_s: float = 21_600.0
    demotions_max: int = 2
    demotions_s: float = 86_400.0

    @property
    def shadows(self) -> tuple[str, ...]:
        """The first shadows, each."""
        return tuple(filter(None, self.first_shadows.split("+")))

    @property
    def must_earn_first(self) -> bool:
        """Whether a new champion has to show that it earns its costs before entries are made on its answers."""
        return self.entry_evidence_min > 1

    def changed(self) -> dict[str, object]:
        """The settings that are not production's, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }


CANARY_STEPS = (0.05, 0.25, 1.0)
"""Shares of the vectors that the challenger answers; the last one makes it the champion."""


def parse(text: str, base: GateSettings | None = None) -> GateSettings:
    """`labels_min=200,lead_s=5` over `base`. Raises SettingRefused."""
    settings = GateSettings() if base is None else base
    return replace(settings, **dict(_pairs(settings, filter(None, text.split(",")))))


def _pairs(settings: GateSettings, words: Iterable[str]) -> Iterable[tuple[str, Any]]:
    known = {field.name for field in fields(settings)}
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        if name not in known:
            raise SettingRefused(f"no setting {name!r}; there are {', '.join(sorted(known))}")
        yield name, _value(name, value, getattr(settings, name))


def _value(name: str, text: str, like: object) -> Any:
    try:
        if isinstance(like, str):
            return text
        if isinstance(like, bool):
            return {"true": True, "false": False}[text]
        return int(text) if isinstance(like, int) else float(text)
    except (KeyError, ValueError) as error:
        raise SettingRefused(f"{name}={text}: not a {type(like).__name__}") from error
