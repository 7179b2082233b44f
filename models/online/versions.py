"""Which online versions there are, and how each is made from its state; River comes with the first that needs it."""

from collections.abc import Callable, Sequence
from functools import partial

from models.features import NAMES
from models.online.adapter import Online
from models.online.baselines import NoChange, Prior, QueueImbalance, logit

PRIOR, NO_CHANGE, QI, LIN, LIN_ADAM, PA = "prior", "no_change", "qi", "lin", "lin_adam", "pa"
INLINE = (PRIOR, NO_CHANGE, QI, LIN, LIN_ADAM, PA)
"""Every symbol has these, whatever serves."""

HT, HAT, ARF3, SRP, NB, HST = "ht", "hat", "arf3", "srp", "nb", "hst"
HEAVY = (HT, HAT, ARF3, SRP, NB, HST)
"""Too slow or too large to stand beside the market."""

ALL = frozenset((*INLINE, *HEAVY))
BASELINES = (PRIOR, NO_CHANGE)
"""They look at labels alone: every label teaches them, and they answer from the first vector on."""

CALIB = "calib."
"""Before the name of the batch version that it calibrates."""

IMBALANCE, MICRO_DEV, OFI = (NAMES.index(name) for name in ("queue_imb", "micro_dev", "ofi_1s"))
CALIB_INPUT_MAX = 5.0


def make(version: str, state: bytes) -> Online:
    """The version in this state; bytes of another format are a version that has learned nothing."""
    plain: Callable[[bytes], Online] | None = _PLAIN.get(version)
    if plain is not None:
        return plain(state)
    from models.online import pipelines

    if version.startswith(CALIB):
        return pipelines.Calibrated(state)
    made: dict[str, Callable[[bytes], Online]] = {
        LIN: partial(pipelines.Linear, descent=pipelines.SGD),
        LIN_ADAM: partial(pipelines.Linear, descent=pipelines.ADAM),
        PA: pipelines.PassiveAggressive,
    }
    return made[version](state)


def recalibrated(online: Online) -> bytes | None:
    """The state of a version that begins its scale anew; None for one that has no scale."""
    from models.online.pipelines import Calibrated, PassiveAggressive

    if isinstance(online, Calibrated):
        return b""
    if not isinstance(online, PassiveAggressive):
        return None
    online.recalibrate()
    return online.state


def inputs(values: Sequence[float], p: float) -> tuple[float, ...]:
    """What a calibration learns from: the batch version's answer p, and three features, bounded."""
    bounded = [
        min(max(values[place], -CALIB_INPUT_MAX), CALIB_INPUT_MAX)
        for place in (IMBALANCE, MICRO_DEV, OFI)
    ]
    return (logit(p), *bounded)


_PLAIN: dict[str, Callable[[bytes], Online]] = {
    PRIOR: Prior,
    NO_CHANGE: NoChange,
    QI: QueueImbalance,
}
