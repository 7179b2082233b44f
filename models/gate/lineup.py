"""Who competes: fresh versions first, since the gate compares no more at a time than it says and in this order."""

from collections.abc import Iterable

import msgspec

from models.gate.settings import GateSettings
from streams.predictions import Alias

SHADOWS_MAX = 8
"""A worker answers for all of them on every vector."""

SECOND_NS = 1_000_000_000


def fresh(registered: Iterable[str], history: Iterable[Alias]) -> tuple[str, ...]:
    """Those of these versions that no alias has ever named, in their order."""
    named = {
        version
        for alias in history
        for version in (alias.champion, alias.challenger, alias.previous, *alias.shadows)
    }
    return tuple(version for version in registered if version not in named)


def enlisted(
    alias: Alias, new: tuple[str, ...], clock: int, by: str, settings: GateSettings
) -> Alias:
    """The alias in which these shadow, too; those that have shadowed longest without a place make room."""
    assert new, "somebody is enlisted"
    shadows = tuple(dict.fromkeys((*new, *alias.shadows)))[:SHADOWS_MAX]
    return msgspec.structs.replace(
        alias,
        epoch=alias.epoch + 1,
        effective_from=clock + int(settings.lead_s * SECOND_NS),
        action="shadow",
        shadows=shadows,
        evidence="",
        by=by,
        reason=f"{', '.join(new)} registered",
    )
