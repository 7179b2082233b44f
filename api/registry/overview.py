"""What the registry says of models and versions, for people."""

from typing import Any

import msgspec

from api.promotion import facts
from api.registry import aliases, versions
from api.registry.aliases import Connection
from models.gate import evidence
from models.gate.evidence import Candidacy, Evidence, Standing
from streams.predictions import Alias, ModelVersion


class Line(msgspec.Struct, frozen=True):
    """A model and one of its candidates; the champion's own line has none.

    age_s: since the alias was written. evidence, threshold: of the candidate, None for the champion. state: of the
    version, or what keeps the model.
    """

    model: str
    champion: str
    candidate: str
    age_s: float
    labels: int
    evidence: float | None
    threshold: float | None
    kappa_t: float | None
    state: str


class Manifest(msgspec.Struct, frozen=True):
    """One version. refused: why it would not load, "" if it would. decisions: those about it, the newest first."""

    record: ModelVersion
    created_at: str
    role: str
    refused: str
    lineage: tuple[str, ...]
    decisions: tuple[dict[str, Any], ...]


async def lines(connection: Connection) -> list[Line]:
    """Of every model, the champion first and then its candidates as the last decision with evidence saw them."""
    found: list[Line] = []
    for alias, age_s in await _current(connection):
        known = await _evidence(connection, alias.model)
        states = {
            each.version: each.state for each in await versions.every(connection, alias.model)
        }
        standings = {each.version: each for each in known.standings} if known else {}
        own = standings.get(alias.champion)
        kept = "held" if alias.held else str(alias.action)
        found.append(_line(alias, age_s, "", own, None, known.labels if known else 0, kept))
        for name, candidacy in (known.candidates if known else {}).items():
            share = f"canary {alias.canary_fraction:.0%}" if name == alias.challenger else ""
            state = share or states.get(name, "unknown")
            found.append(
                _line(alias, age_s, name, standings.get(name), candidacy, candidacy.labels, state)
            )
    return found


async def manifests(connection: Connection, model: str, version: str) -> list[Manifest]:
    """The records of a model, or of one version of it."""
    records = {each.version: each for each in await versions.every(connection, model)}
    alias = (await aliases.current(connection)).get(model)
    made = await connection.execute(
        "SELECT version, created_at::text FROM model_versions WHERE model = %s", [model]
    )
    created = dict(await made.fetchall())
    return [
        Manifest(
            record=record,
            created_at=created[name],
            role=evidence.role(alias, name) if alias else "",
            refused=await facts.refusal(connection, record, b""),
            lineage=_lineage(records, record),
            decisions=await _decisions(connection, model, name),
        )
        for name, record in records.items()
        if version in ("", name)
    ]


async def _current(connection: Connection) -> list[tuple[Alias, float]]:
    rows = await connection.execute(
        "SELECT DISTINCT ON (model) record::text, extract(epoch FROM now() - created_at) FROM model_alias "
        "ORDER BY model, epoch DESC"
    )
    return [
        (msgspec.json.decode(record, type=Alias), float(age))
        for record, age in await rows.fetchall()
    ]


async def _evidence(connection: Connection, model: str) -> Evidence | None:
    rows = await connection.execute(
        "SELECT evidence::text FROM gate_state WHERE model = %s AND evidence IS NOT NULL", [model]
    )
    found = await rows.fetchone()
    return None if found is None else msgspec.json.decode(found[0], type=Evidence)


async def _decisions(
    connection: Connection, model: str, version: str, limit: int = 10
) -> tuple[dict[str, Any], ...]:
    rows = await connection.execute(
        "SELECT decision, action, champion, candidate, epoch, decided_by, reason, created_at::text "
        "FROM model_decisions WHERE model = %s AND %s IN (champion, candidate) ORDER BY decision DESC LIMIT %s",
        [model, version, limit],
    )
    names = ("decision", "action", "champion", "candidate", "epoch", "by", "reason", "at")
    return tuple([dict(zip(names, row, strict=True)) for row in await rows.fetchall()])


def _line(
    alias: Alias,
    age_s: float,
    candidate: str,
    standing: Standing | None,
    candidacy: Candidacy | None,
    labels: int,
    state: str,
) -> Line:
    return Line(
        model=alias.model,
        champion=alias.champion,
        candidate=candidate,
        age_s=age_s,
        labels=labels,
        evidence=candidacy.evidence if candidacy else None,
        threshold=candidacy.threshold if candidacy else None,
        kappa_t=standing.kappa_t if standing else None,
        state=state,
    )


def _lineage(records: dict[str, ModelVersion], record: ModelVersion) -> tuple[str, ...]:
    """Its parents, the nearest first."""
    found: list[str] = []
    while record.parent and record.parent not in found:
        found.append(record.parent)
        if record.parent not in records:
            break
        record = records[record.parent]
    return tuple(found)
