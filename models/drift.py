"""Notices that a version has become worse: ADWIN over its Brier loss, on labels that do not overlap.

A detector has no portable state, so its losses since its start are kept, in blocks, and it is fed with them again.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from streams.state import Table

if TYPE_CHECKING:
    from river.drift import ADWIN

DELTA = 0.002
LABELS_MAX = 10_000
"""After so many it starts afresh, which bounds what is kept."""

BLOCK = 100
HOLD_LABELS = 200


class Losses(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Some consecutive losses of one version and symbol."""

    values: tuple[float, ...] = ()


class Hold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """No entries of a symbol until the serving version's Brier loss over the next labels beats the prior's."""

    labels: int = 0
    loss: float = 0.0
    prior: float = 0.0

    def after(self, loss: float, prior: float) -> "Hold | None":
        """After one more label; None when it is lifted, a fresh one when it failed."""
        held = Hold(self.labels + 1, self.loss + loss, self.prior + prior)
        if held.labels < HOLD_LABELS:
            return held
        return None if held.loss < held.prior else Hold()


class LossTable(Table[Losses]):
    """The table `losses`, keyed by place and block, with the detectors that have seen them.

    A detector serves only a place of which it has seen exactly as many losses as are kept; else it is made anew.
    """

    def __init__(self) -> None:
        super().__init__("losses", Losses)
        self._live: dict[str, tuple[int, ADWIN]] = {}

    def is_drift(self, place: str, seen: int, loss: float) -> bool:
        """Whether the loss that follows `seen` others shows that losses have risen."""
        from models.online.pipelines import ADWIN  # with all else of River, in one lean import

        count, detector = self._live.get(place, (-1, None))
        if detector is None or count != seen:
            detector = ADWIN(delta=DELTA)  # type: ignore[no-untyped-call]  # River
            for before in self._since_start(place, seen):
                detector.update(before)  # type: ignore[no-untyped-call]  # River
        mean = detector.estimation
        detector.update(loss)  # type: ignore[no-untyped-call]  # River
        self._live[place] = seen + 1, detector
        key = _key(place, seen // BLOCK)
        kept = self.get(key) if seen % BLOCK else None
        self.put(key, Losses((*(kept.values if kept else ()), loss)))
        return bool(detector.drift_detected) and detector.estimation > mean

    def restart(self, place: str, seen: int) -> None:
        """Forget the `seen` losses of a place."""
        self._live.pop(place, None)
        for block in range(-(-seen // BLOCK)):
            self.delete(_key(place, block))

    def discard(self) -> None:
        """Forget the open chunk's changes, and what detectors may have seen of them."""
        super().discard()
        self._live.clear()

    def _since_start(self, place: str, seen: int) -> Iterable[float]:
        for block in range(-(-seen // BLOCK)):
            yield from self[_key(place, block)].values


def _key(place: str, block: int) -> str:
    return f"{place}|{block}"
