"""Lets versions that a training has registered compete, each with its calibration beside it."""

import msgspec

from agents.learner_tables import MODELS
from api.promotion import facts
from api.registry import aliases, versions
from api.registry.aliases import Connection
from models.gate import lineup
from models.gate.settings import GateSettings
from models.online.versions import CALIB
from streams.predictions import Alias, ModelVersion


async def enlist(
    connection: Connection, alias: Alias, clock: int, key: bytes, settings: GateSettings, by: str
) -> Alias | None:
    """The alias with the new ones as shadows, within the caller's transaction; None where nobody is new.

    Only batch versions of models that learn on the stream: those are trained elsewhere and answered for here.
    """
    if alias.model not in {model.name for model in MODELS}:
        return None
    batch = [
        each
        for each in reversed(await versions.every(connection, alias.model))
        if each.kind == "batch"
        and each.state == "registered"
        and not facts.is_expired(each, clock)
        and not await facts.refusal(connection, each, key)
    ]
    history = await aliases.history(connection, alias.model)
    names = lineup.fresh([each.version for each in batch], history)
    if not names:
        return None
    for version in batch:
        if version.version in names:
            await versions.insert(connection, _calibration(version))
    both = tuple(name for each in names for name in (each, f"{CALIB}{each}"))
    return lineup.enlisted(alias, both, clock, by, settings)


def _calibration(version: ModelVersion) -> ModelVersion:
    """The record of the online version that calibrates a batch version."""
    name = f"{CALIB}{version.version}"
    return msgspec.structs.replace(
        version,
        version=name,
        kind="online",
        algorithm=name,
        format="calib-1",
        parent=version.version,
        files=(),
        clip=(),
        golden="",
        manifest="",
        signature="",
    )
