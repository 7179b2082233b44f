"""What a person may do to a model: another version at once, a hold, the end of a hold."""

from typing import Literal

import msgspec

from api.promotion import facts, memory
from api.promotion.start import decision_of
from api.registry import aliases, versions
from api.registry.aliases import Connection
from models.gate import verdict
from models.gate.settings import GateSettings
from models.online import versions as online
from streams.predictions import Alias

SECOND_NS = 1_000_000_000
PATIENCE_S = 15.0
"""A person waits for the job's pass to end."""


class Refused(Exception):
    """A rule forbids it; the message says which."""


async def put(
    connection: Connection,
    model: str,
    version: str,
    *,
    by: str,
    settings: GateSettings,
    key: bytes = b"",
    reason: str = "",
) -> Alias:
    """Let a version serve with no gate but the load checks. Raises Refused, aliases.Busy, LookupError."""
    async with aliases.deciding(connection, model, PATIENCE_S):
        alias = await _current(connection, model)
        if alias.champion == version:
            raise Refused(f"{version} serves already")
        await _check(connection, model, version, key)
        served = {each.champion for each in await aliases.history(connection, model)}
        action: Literal["rollback", "promote"] = "rollback" if version in served else "promote"
        new = await _next(connection, alias, settings, by, reason or f"{action} by {by}")
        new = verdict.succeeded(new, alias, version, action, settings)
        await _keep(connection, new)
    return new


async def hold(
    connection: Connection, model: str, *, held: bool, by: str, settings: GateSettings
) -> Alias:
    """Keep the gate from promoting, or let it again. Raises Refused, aliases.Busy, LookupError."""
    async with aliases.deciding(connection, model, PATIENCE_S):
        alias = await _current(connection, model)
        if alias.held == held:
            raise Refused(f"{model} is {'held' if held else 'not held'} already")
        new = await _next(connection, alias, settings, by, f"by {by}")
        new = msgspec.structs.replace(new, action="hold" if held else "unhold", held=held)
        await _keep(connection, new)
    return new


async def _current(connection: Connection, model: str) -> Alias:
    alias = (await aliases.current(connection)).get(model)
    if alias is None:
        known = ", ".join(await aliases.current(connection)) or "none"
        raise LookupError(f"no model {model}; there are: {known}")
    return alias


async def _check(connection: Connection, model: str, version: str, key: bytes) -> None:
    found = await versions.find(connection, model, version)
    if found is None:
        raise Refused(f"{model} has no version {version}")
    refused = await facts.refusal(connection, found, key)
    if refused:
        raise Refused(f"{version} would not load: {refused}")
    if found.state != "registered" and version != online.PRIOR:
        raise Refused(f"{version} is {found.state}")
    state, _ = await memory.load(connection, model)
    if facts.is_expired(found, state.clock):
        raise Refused(f"{version} has expired")


async def _next(
    connection: Connection, alias: Alias, settings: GateSettings, by: str, reason: str
) -> Alias:
    """The alias with a new epoch, in effect a lead past the newest label that the gate knows."""
    state, _ = await memory.load(connection, alias.model)
    return msgspec.structs.replace(
        alias,
        epoch=alias.epoch + 1,
        effective_from=max(alias.effective_from, state.clock + int(settings.lead_s * SECOND_NS)),
        evidence="",
        by=by,
        reason=reason,
    )


async def _keep(connection: Connection, alias: Alias) -> None:
    await aliases.append(connection, alias)
    await aliases.note(connection, decision_of(alias))
