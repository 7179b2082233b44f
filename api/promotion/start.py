"""The versions that are built in, and what serves before the gate has decided anything."""

import msgspec

from agents.learner_tables import MODELS, Model
from api.registry import aliases
from api.registry.aliases import Connection, Decision
from api.registry.versions import insert
from models import features, registry
from models.gate.settings import GateSettings
from models.mixture import MIX
from models.online import versions
from streams.predictions import Alias, ModelVersion

BUILT_IN = (*versions.INLINE, MIX, *versions.HEAVY)

BY = "headrace"
PATIENCE_S = 15.0


def built_in(model: Model, name: str) -> ModelVersion:
    """The record of a version that every worker has."""
    experts = [versions.LIN, versions.PRIOR]
    return ModelVersion(
        model=model.name,
        version=name,
        kind="mixture" if name == MIX else "online",
        algorithm=name,
        format=f"{name}-1",
        lane="heavy" if name in versions.HEAVY else "inline",
        set_hash=features.SET_HASH,
        spec=model.spec.hash,
        required=features.READY_SOON,
        manifest=registry.canonical({"experts": experts}) if name == MIX else "",
    )


def first_alias(model: str, settings: GateSettings) -> Alias:
    """Epoch 1, in effect from the beginning."""
    return Alias(
        model=model,
        epoch=1,
        champion=settings.first_champion,
        effective_from=0,
        action="start",
        shadows=tuple(name for name in settings.shadows if name != settings.first_champion),
        below_cost=settings.must_earn_first,
        by=BY,
        reason="built in",
    )


async def begin(connection: Connection, settings: GateSettings) -> None:
    """Register what is built in, and give each model that has none its first alias."""
    for model in MODELS:
        async with aliases.deciding(connection, model.name, PATIENCE_S):
            for name in BUILT_IN:
                await insert(connection, built_in(model, name))
            if model.name not in await aliases.current(connection):
                first = first_alias(model.name, settings)
                await aliases.append(connection, first)
                await aliases.note(connection, decision_of(first))


def decision_of(alias: Alias, event_ns: int = 0) -> Decision:
    """The row of a decision that changed what serves."""
    return Decision(
        model=alias.model,
        action=alias.action,
        champion=alias.champion,
        candidate=alias.challenger,
        evidence=msgspec.json.decode(alias.evidence) if alias.evidence else {},
        by=alias.by,
        reason=alias.reason,
        epoch=alias.epoch,
        event_ns=event_ns,
    )
