"""One vector's answers under one model: every version is asked, the alias says whose may be acted on."""

from collections.abc import Iterator, Sequence

from agents import lessons, prediction_log
from agents.handler import Event
from agents.learner_tables import Lane, LearnerTables, Model, place_of
from models import answering, mixture, serving, vectors
from models.learning import Kept, Learned
from models.mixture import MIX
from models.online import versions
from models.serving import Aliases, Version
from streams.predictions import Answer, Features, Prediction

TAKER_BPS = 26.0
"""Of the first tier of the built-in schedule: a model is not an account, and cannot know better."""

NO_ALIASES = Aliases()


class Turn:
    """One vector's answers under one model."""

    def __init__(
        self,
        event: Event[Features],
        tables: LearnerTables,
        lane: Lane,
        model: Model,
        row: Learned,
    ) -> None:
        self._event = event
        self._features = event.message
        self._tables = tables
        self._lane = lane
        self._model = model
        self._row = row
        self._place = place_of(model.name, event.message.symbol)
        self._aliases = tables.aliases.get(model.name) or NO_ALIASES
        self._serving = serving.at(model.name, self._aliases, event.message.time, self._is_there)

    def prediction(self, refusal: str, values: Sequence[float]) -> Prediction:
        """All answers, and what may be acted on."""
        features, row = self._features, self._row
        stale = "stale_features" if vectors.is_stale(features) else ""
        answers = {each.version: each for each in self._answers(refusal or stale, values)}
        served, flags = answering.served(
            self._serving, answers, row, features.symbol, features.time, self._lane.name
        )
        p = answers[served.version].p if served.version in answers else None
        spread_bps = 20_000 * (features.ask - features.bid) / features.mid2
        made = Prediction(
            prediction_id=prediction_log.prediction_id(
                self._model.name, self._lane.name, self._event.partition, self._event.offset
            ),
            symbol=features.symbol,
            model=self._model.name,
            time=features.time,
            bid=features.bid,
            ask=features.ask,
            mid2=features.mid2,
            served=served,
            features_ref=self._event.ref,
            outputs=tuple(answers.values()),
            volatility_bps=row.volatility_bps,
            lane=self._lane.name,
            spec=self._model.spec.hash,
            set_hash=features.set_hash,
            ready=features.ready,
            edge_bps=0.0 if p is None else (2 * p - 1) * row.sizes,
            cost_bps=2 * TAKER_BPS + spread_bps,
            flags=(*flags, *self._news()),
            weights=tuple(row.weights.items()),
            scores=lessons.scored(self._tables, self._place, row) if row.fresh else (),
        )
        row.fresh, row.alarms = False, ()
        return made

    def _news(self) -> Iterator[str]:
        """What has happened since the prediction before."""
        yield from (f"drift:{version}" for version in self._row.alarms)
        yield from (f"refused:{version}" for version in self._serving.refused)
        if self._aliases.late and self._serving.alias == self._aliases.known[-1]:
            told = Aliases(self._aliases.known)
            self._tables.aliases.put(self._model.name, told)
            yield "alias_late"

    def _answers(self, reason: str, values: Sequence[float]) -> Iterator[Answer]:
        given: dict[str, Answer] = {}
        for version in self._lane.versions:
            given[version] = self._online(version, reason, values)
        if self._lane.name == "inline":
            batch = list(self._batch())
            for found in batch:
                given[found.record.version] = self._scored(found, reason, values)
            calib = self._calibration(batch)
            if calib:
                given[calib] = self._calibrated(calib, given, reason, values)
            given[MIX] = self._mixed(given, batch, calib)
        yield from given.values()

    def _online(self, version: str, reason: str, values: Sequence[float]) -> Answer:
        kept, role = self._row.kept(version), self._serving.role(version)
        online = self._tables.learners.online(self._place, version, kept.state)
        if reason:
            return Answer(version, None, reason, online.learned, role)
        return answering.online_answer(version, role, online, kept, self._features, values)

    def _scored(self, found: Version, reason: str, values: Sequence[float]) -> Answer:
        role = self._serving.role(found.record.version)
        if reason:
            return Answer(found.record.version, None, reason, 0, role)
        return answering.batch_answer(found, role, self._features, values, self._model.spec.hash)

    def _calibrated(
        self, version: str, given: dict[str, Answer], reason: str, values: Sequence[float]
    ) -> Answer:
        base = given[version.removeprefix(versions.CALIB)]
        if base.p is None:
            return self._online(version, reason or base.abstain, values)
        return self._online(version, reason, versions.inputs(values, base.p))

    def _mixed(self, given: dict[str, Answer], batch: Sequence[Version], calib: str) -> Answer:
        row, role = self._row, self._serving.role(MIX)
        experts = [versions.LIN, versions.PRIOR]
        experts += [calib] if calib else []
        experts += [batch[0].record.version] if batch else []
        if row.weights.keys() != set(experts):
            row.weights = mixture.kept(row.weights, experts)
        p = mixture.probability(row.weights, given)
        learned = given[versions.LIN].learned
        reason = given[versions.LIN].abstain if p is None else ""
        return Answer(MIX, p, reason, learned, role)

    def _batch(self) -> Iterator[Version]:
        """The batch versions that the alias names, the champion first."""
        for name in self._serving.named:
            found = self._version(name)
            if found is not None:
                yield found

    def _version(self, name: str) -> Version | None:
        record = self._tables.registry.get(f"{self._model.name}@{name}")
        if record is None or record.kind != "batch":
            return None
        return Version(record, self._tables.scorers.get(record))

    def _is_there(self, champion: str) -> bool:
        """Whether an alias may put this version in charge here."""
        if champion in versions.ALL or champion == MIX:
            return True
        found = self._version(champion.removeprefix(versions.CALIB))
        return found is not None and not isinstance(found.scorer, str)

    def _calibration(self, batch: Sequence[Version]) -> str:
        """The calibration of the first batch version that is loaded; a new one begins where the one before was."""
        loaded = [found for found in batch if not isinstance(found.scorer, str)]
        if not loaded:
            return ""
        name, row = versions.CALIB + loaded[0].record.version, self._row
        if name not in row.versions:
            before = [each for each in row.versions if each.startswith(versions.CALIB)]
            kept = row.versions.pop(before[0]) if before else Kept()
            row.versions[name] = kept
        return name
