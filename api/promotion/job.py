"""One pass of the gate over a model: read, count, decide, and keep all of it in one SQL transaction."""

from collections.abc import Iterable, Mapping

import msgspec
from aiokafka import AIOKafkaConsumer

from api.promotion import examples, facts, memory
from api.promotion.enlist import enlist
from api.promotion.timing import Logged
from api.registry import aliases, versions
from api.registry.aliases import Connection, Decision
from models import registry
from models.gate import evidence, verdict
from models.gate.conditions import Facts
from models.gate.evidence import Evidence
from models.gate.fold import PRIOR, follow, take_all
from models.gate.settings import GateSettings
from models.gate.state import GateState
from models.gate.verdict import Verdict
from streams.predictions import Alias, Example

BY = "gate"
LOGGED_MAX = 1_000
"""Of the newest vectors, to time answers on."""


class Passed(msgspec.Struct, frozen=True):
    """What came of one pass. alias: as it stands after it."""

    verdict: Verdict
    alias: Alias
    evidence: Evidence
    new_labels: int


class Gate:
    """The gate of one process. key: of the registry's signatures, empty for none."""

    def __init__(self, settings: GateSettings, key: bytes = b"") -> None:
        self._settings = settings
        self._key = key
        self._logged: dict[str, list[Logged]] = {}
        self._noted: dict[str, str] = {}

    async def look(self, connection: Connection, consumer: AIOKafkaConsumer, model: str) -> Passed:
        """Read on and weigh, without deciding or keeping anything. Raises LookupError for an unknown model."""
        async with connection.transaction(force_rollback=True):
            return (await self._weigh(connection, consumer, model))[0]

    async def decide(
        self,
        connection: Connection,
        consumer: AIOKafkaConsumer,
        model: str,
        *,
        approved: bool = False,
    ) -> Passed:
        """Read on, decide, and keep it. approved: a person has agreed to what is proposed. Raises aliases.Busy."""
        async with aliases.deciding(connection, model):
            passed, state, offsets = await self._weigh(connection, consumer, model)
            if approved and passed.verdict.action == "propose":
                passed = msgspec.structs.replace(passed, verdict=verdict.approved(passed.verdict))
            passed = await self._carry_out(connection, passed, state)
            await memory.save(connection, model, state, offsets, passed.evidence)
        return passed

    async def _weigh(
        self, connection: Connection, consumer: AIOKafkaConsumer, model: str
    ) -> tuple[Passed, GateState, examples.Offsets]:
        alias = (await aliases.current(connection)).get(model)
        if alias is None:
            raise LookupError(f"no model {model}")
        state, offsets = await memory.load(connection, model)
        heavy = {
            each.version for each in await versions.every(connection, model) if each.lane == "heavy"
        }
        two_lanes = not heavy.isdisjoint((alias.champion, alias.challenger, *alias.shadows))
        batch = await examples.read(consumer, model, offsets, two_lanes=two_lanes)
        self._keep(model, batch.examples)
        follow(state, alias, self._settings)
        labels = take_all(state, batch.examples, self._settings)
        known = await self._facts(connection, state, alias)
        passed = Passed(
            verdict.decide(state, alias, known, self._settings),
            alias,
            evidence.gathered(state, alias, known, self._settings),
            labels,
        )
        return passed, state, batch.offsets

    async def _facts(
        self, connection: Connection, state: GateState, alias: Alias
    ) -> dict[str, Facts]:
        """Of every version that is compared; answers are timed only of candidates that lack nothing else."""
        wanted = {state.champion, alias.previous, PRIOR, *state.candidates} - {""}
        known = await facts.gather(connection, alias.model, wanted, state.clock, self._key)
        if state.canary is not None:
            since = state.canary.since
            known = await facts.with_orders(connection, alias.model, known, since)
        tables = verdict.table(state, known, self._settings, alias.held)
        for name, lines in tables.items():
            failed = [line.name for line in lines if not line.passed]
            version = await versions.find(connection, alias.model, name)
            if failed == ["predict_ms_p99"] and version is not None:
                logged = self._logged.get(alias.model, [])
                known[name] = await facts.timed(
                    connection, version, known[name], logged, self._settings
                )
        return known

    async def _carry_out(self, connection: Connection, passed: Passed, state: GateState) -> Passed:
        found, alias = passed.verdict, passed.alias
        if found.action not in ("wait", "propose"):
            brief = registry.canonical(_brief(passed.evidence))
            alias = verdict.alias_of(found, alias, state.clock, brief, BY, self._settings)
        elif (entries := self._entries(alias, passed.evidence)) is not None:
            alias = verdict.entries_of(alias, state.clock, entries, BY, self._settings)
        elif not state.canary:
            alias = await self._enlisted(connection, alias, state.clock)
        if alias is not passed.alias:
            await aliases.append(connection, alias)
            follow(state, alias, self._settings)
        await self._note(connection, passed, alias, state.clock)
        return msgspec.structs.replace(passed, alias=alias)

    async def _enlisted(self, connection: Connection, alias: Alias, clock: int) -> Alias:
        new = await enlist(connection, alias, clock, self._key, self._settings, BY)
        return alias if new is None else new

    def _entries(self, alias: Alias, found: Evidence) -> bool | None:
        """Whether entries are below cost, where that is not what the alias says."""
        below_cost = found.entry < self._settings.entry_evidence_min
        return below_cost if below_cost != alias.below_cost else None

    async def _note(self, connection: Connection, passed: Passed, alias: Alias, clock: int) -> None:
        """Keep the verdict; one to wait again for the same once a run."""
        changed = alias.epoch != passed.alias.epoch
        found = passed.verdict
        said = f"{found.action} {found.candidate} {found.reason.partition(' for ')[0]}"
        if not changed and self._noted.get(alias.model) == said:
            return
        self._noted[alias.model] = said
        decision = Decision(
            model=alias.model,
            action=alias.action if changed else found.action,
            champion=alias.champion,
            candidate=found.candidate,
            evidence=passed.evidence,
            by=BY,
            reason=alias.reason if changed else found.reason,
            epoch=alias.epoch if changed else None,
            event_ns=clock,
        )
        await aliases.note(connection, decision)

    def _keep(self, model: str, found: Iterable[Example]) -> None:
        new = [Logged(each.vector, each.y == 1) for each in found if each.y is not None]
        self._logged[model] = (self._logged.get(model, []) + new)[-LOGGED_MAX:]


def _brief(found: Evidence) -> Mapping[str, object]:
    """What an alias carries of its evidence; the whole is a row in SQL."""
    return {
        "labels": found.labels,
        "evidence": {name: each.evidence for name, each in found.candidates.items()},
        "threshold": {name: each.threshold for name, each in found.candidates.items()},
        "guards": found.guards,
        "settings": found.settings,
    }
