"""The promotion job on a real PostgreSQL and a real broker: what it keeps, what it tells, and what it refuses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import msgspec
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from agents.learner_tables import MODELS
from agents.strategies import commands
from agents.strategies.commands import Order, Sender
from api import producing
from api.promotion import facts, loop, person, start
from api.promotion.job import Gate, Passed
from api.registry import aliases, overview, parity, versions
from api.registry.aliases import Busy, Connection
from api.registry.publish import publish
from api.registry.served import recorded
from models import features, registry
from models.batch import known
from models.gate.conditions import Facts
from models.gate.settings import GateSettings
from streams import admin, log, topics
from streams.feeds.reference import SIMULATED
from streams.messages import PredictionRef
from streams.predictions import Alias, Example, ModelVersion
from streams.settings import Settings
from tests.gate.stream import BETTER, strict
from tests.sinks.messages import START_MS, decision
from tests.sinks.stored import store
from tests.support.databases import empty_database

PARTITIONS = 2
GATE = strict(parity_required=False, lead_s=1, entry_evidence_min=0, canary_s_min=10)


@pytest.fixture(scope="module")
def stores(kafka: str, postgres: str) -> Iterator[Settings]:
    """A broker with all topics and an empty database."""
    asyncio.run(admin.apply(kafka, PARTITIONS, embedded=True))
    with empty_database(postgres) as url:
        yield Settings(brokers=kafka, postgres_url=url)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Connection, AIOKafkaConsumer]]:
    async with loop.connected(settings) as connection, log.reader(settings.brokers) as consumer:
        yield connection, consumer


class Scene:
    """A model of its own on these stores."""

    def __init__(
        self, settings: Settings, connection: Connection, consumer: AIOKafkaConsumer, group: str
    ) -> None:
        self.model = f"up1s.micro.{group}"
        self._settings = settings
        self.connection = connection
        self._consumer = consumer
        self._second = 0
        self._draw = Random(3)
        self.gate = Gate(GATE)

    async def begin(self) -> None:
        """`lin` serves, `adam` and `qi` shadow; all of them are built in."""
        for name in ("lin", "lin_adam", "qi", "prior"):
            plain = start.built_in(MODELS[0], name)
            await versions.insert(self.connection, msgspec.structs.replace(plain, model=self.model))
        first = msgspec.structs.replace(
            start.first_alias(self.model, GATE), shadows=("lin_adam", "qi")
        )
        await aliases.append(self.connection, first)

    async def pass_(self, seconds: int = 0) -> Passed:
        """Some more of the market, then a pass of the gate, told to the topics."""
        await self.write(seconds)
        passed = await self.gate.decide(self.connection, self._consumer, self.model)
        await publish(self.connection, self._settings.brokers)
        return passed

    async def write(self, seconds: int) -> None:
        """`seconds` of examples in which `lin_adam` knows more than `lin`."""
        async with producing.producer(self._settings.brokers) as to:
            for each in BETTER.examples(self._draw, seconds, first=self._second):
                example = self._named(each)
                await to.send(
                    topics.EXAMPLES.name, msgspec.json.encode(example), example.symbol.encode()
                )
            await to.flush()
        self._second += seconds

    def batch(self) -> ModelVersion:
        """The record of a version that a training could register."""
        return ModelVersion(
            model=self.model, version="", kind="batch", algorithm="lightgbm",
            format="lightgbm-text-4", set_hash=features.SET_HASH,
            spec=known.spec_of(self.model).hash,
        )  # fmt: skip

    async def told(self) -> Alias:
        """What the topic says of the model."""
        records = await log.read_all(self._settings.brokers, topics.ALIAS.name)
        values = [record.value for record in records if record.key == self.model.encode()]
        return msgspec.json.decode(values[-1] or b"", type=Alias)

    def _named(self, example: Example) -> Example:
        outputs = tuple(
            msgspec.structs.replace(answer, version="lin_adam")
            if answer.version == "adam"
            else answer
            for answer in example.outputs
        )
        vector = features.VECTOR.pack(*[0.0] * len(features.NAMES))
        return msgspec.structs.replace(example, model=self.model, outputs=outputs, vector=vector)


@asynccontextmanager
async def scene(settings: Settings, group: str) -> AsyncIterator[Scene]:
    """A scene that has begun."""
    async with _opened(settings) as (connection, consumer):
        made = Scene(settings, connection, consumer, group)
        await made.begin()
        yield made


def test_a_better_version_is_promoted_by_evidence_and_rolled_back_by_a_person(
    stores: Settings,
) -> None:
    async def run() -> None:
        async with scene(stores, "better") as made:
            actions = [(await made.pass_(5)).alias.action]
            for _ in range(30):
                passed = await made.pass_(60)
                if (
                    passed.alias.action != actions[-1]
                    or passed.alias.epoch != passed.evidence.epoch
                ):
                    actions.append(passed.alias.action)
                if passed.alias.action == "promote":
                    break
            assert actions == ["start", "canary", "canary", "promote"], passed.verdict
            told = await made.told()
            assert (told.champion, told.previous, told.epoch) == ("lin_adam", "lin", 4)
            assert told == (await aliases.current(made.connection))[made.model]

            back = await person.put(
                made.connection, made.model, "lin", by="somebody", settings=GATE
            )
            assert (back.action, back.champion, back.epoch) == ("rollback", "lin", 5)
            await publish(made.connection, stores.brokers)
            assert await made.told() == back
            kept = await aliases.history(made.connection, made.model)
            assert [each.epoch for each in kept] == [1, 2, 3, 4, 5]
            (line, *_) = [
                line for line in await overview.lines(made.connection) if line.model == made.model
            ]
            assert (line.champion, line.state) == ("lin", "rollback")
            decisions = await made.connection.execute(
                "SELECT action, epoch FROM model_decisions WHERE model = %s AND epoch IS NOT NULL "
                "ORDER BY decision",
                [made.model],
            )
            assert await decisions.fetchall() == [
                ("canary", 2), ("canary", 3), ("promote", 4), ("rollback", 5),
            ]  # fmt: skip

    asyncio.run(run())


def test_a_pass_reads_on_where_the_last_one_ended(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "offsets") as made:
            first, again = await made.pass_(20), await made.pass_(0)
            assert (first.new_labels, again.new_labels) == (40, 0)
            assert again.evidence.labels == 40
            await made.write(20)
            made.gate = Gate(GATE)  # as after a restart
            assert (await made.pass_(0)).new_labels == 40

    asyncio.run(run())


def test_a_pass_that_fails_has_counted_nothing(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "failing") as made:
            await made.connection.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN IF NEW.model LIKE '%.failing' THEN RAISE EXCEPTION 'disk full'; END IF; RETURN NEW; END $$; "
                "CREATE TRIGGER fail BEFORE INSERT ON gate_state FOR EACH ROW EXECUTE FUNCTION fail()"
            )
            with pytest.raises(psycopg.errors.RaiseException):
                await made.pass_(20)
            await made.connection.execute("DROP TRIGGER fail ON gate_state")
            assert (await made.pass_(0)).new_labels == 40

    asyncio.run(run())


def test_two_processes_never_decide_about_one_model_at_once(
    stores: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person, "PATIENCE_S", 0.05)

    async def run() -> None:
        async with (
            scene(stores, "busy") as made,
            await psycopg.AsyncConnection.connect(stores.postgres_url, autocommit=True) as other,
            aliases.deciding(other, made.model),
        ):
            with pytest.raises(Busy):
                await made.pass_(0)
            with pytest.raises(Busy):
                await person.hold(
                    made.connection, made.model, held=True, by="somebody", settings=GATE
                )

    asyncio.run(run())


def test_what_a_crash_kept_from_the_topics_is_told_later(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "crashed") as made:
            await made.pass_(0)
            held = await person.hold(
                made.connection, made.model, held=True, by="somebody", settings=GATE
            )
            assert (await made.told()).held is False  # committed, and then the process was gone
            assert await publish(made.connection, stores.brokers) == 1
            assert await made.told() == held
            assert await publish(made.connection, stores.brokers) == 0

    asyncio.run(run())


def test_a_version_that_would_not_load_is_not_put_in_charge(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "loading") as made:
            plain = made.batch()
            async with made.connection.transaction():
                good = await versions.register(made.connection, plain, {"model.txt": b"tree\nx"})
                foreign = await versions.register(
                    made.connection,
                    msgspec.structs.replace(plain, set_hash="00"),
                    {"model.txt": b"tree\nx"},
                )
            for version, why in ((foreign.version, "feature_set"), ("v0", "no version v0")):
                with pytest.raises(person.Refused, match=why):
                    await person.put(
                        made.connection, made.model, version, by="somebody", settings=GATE
                    )
            await versions.set_state(made.connection, made.model, good.version, "rejected")
            with pytest.raises(person.Refused, match="rejected"):
                await person.put(
                    made.connection, made.model, good.version, by="somebody", settings=GATE
                )

    asyncio.run(run())


def test_a_version_that_a_training_registers_competes_with_its_calibration(
    stores: Settings,
) -> None:
    async def run() -> None:
        async with scene(stores, "all") as made:
            plain = made.batch()
            async with made.connection.transaction():
                new = await versions.register(made.connection, plain, {"model.txt": b"tree\nnew"})
            alias = (await made.pass_(5)).alias
            both = (new.version, f"calib.{new.version}")
            assert (alias.action, alias.shadows) == ("shadow", (*both, "lin_adam", "qi"))
            assert (await made.pass_(60)).alias == alias
            compared = (await made.pass_(0)).evidence.candidates
            assert set(compared) == {*both, "lin_adam", "qi"}
            calibration = await versions.find(made.connection, made.model, both[1])
            assert calibration is not None
            assert (calibration.kind, calibration.parent) == ("online", new.version)
            replayed = await recorded(stores.postgres_url)
            assert replayed.aliases == tuple(await aliases.history(made.connection, made.model)), (
                "a replay finds every change"
            )
            assert {new, calibration} <= set(replayed.versions)

    asyncio.run(run())


def test_the_gate_reads_the_last_comparison_of_features(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "parity") as made:
            made.gate = Gate(strict(parity_required=True))

            async def shown() -> tuple[object, bool]:
                found = (await made.pass_(5)).evidence.candidates["qi"].checks
                (line,) = [line for line in found if line.name == "parity_mismatches"]
                return line.shown, line.passed

            assert await shown() == (None, False)
            await parity.note(stores.postgres_url, features.SET_HASH, rows=0, mismatches=0)
            assert await shown() == (None, False)
            await parity.note(stores.postgres_url, features.SET_HASH, rows=9, mismatches=2)
            assert await shown() == (2, False)
            await parity.note(stores.postgres_url, features.SET_HASH, rows=9, mismatches=0)
            assert await shown() == (0, True)

    asyncio.run(run())


def test_orders_are_counted_by_the_version_that_they_act_on(stores: Settings) -> None:
    sent = [("sent", "qi", "rejected"), ("sent", "qi", "accepted"), ("sent", "lin", "accepted"),
            ("another", "qi", "rejected")]  # fmt: skip
    values = []
    for number, (model, version, _) in enumerate(sent):
        acted_on = PredictionRef("predictions", 0, number, model, version, 0.6, 0.1)
        sender = Sender("paper", "signal", SIMULATED[0], START_MS * 10**6, acted_on)
        values.append(commands.encode(Order("buy", 1_000), f"c{number}", sender))
    verdicts = [decision(number, outcome=outcome) for number, (*_, outcome) in enumerate(sent)]
    store(stores.postgres_url, topics.ORDERS, [*values, b"no JSON"])
    store(stores.postgres_url, topics.DECISIONS, verdicts)

    async def run() -> None:
        known = dict.fromkeys(("qi", "lin", "lin_adam"), Facts())
        async with _opened(stores) as (connection, _):
            found, later = [
                await facts.with_orders(connection, "sent", known, (START_MS + after_ms) * 10**6)
                for after_ms in (0, 10)
            ]
        assert [(each.orders, each.rejected) for each in found.values()] == [(2, 1), (1, 0), (0, 0)]
        assert later == known

    asyncio.run(run())


def test_what_the_registry_holds_cannot_be_changed(stores: Settings) -> None:
    async def run() -> None:
        async with scene(stores, "fixed") as made:
            await made.pass_(0)
            key = {"model.txt": b"tree\nfixed"}
            plain = msgspec.structs.replace(
                start.built_in(MODELS[0], "lin"), model=made.model, kind="batch"
            )
            async with made.connection.transaction():
                stored = await versions.register(made.connection, plain, key)
                assert await versions.register(made.connection, plain, key) == stored
            for statement in (
                "UPDATE model_versions SET record = '{}'",
                "UPDATE model_versions SET cutoff_ns = 1, state = 'retired'",
                "DELETE FROM model_versions",
                "UPDATE model_artifacts SET bytes = 'x'",
                "DELETE FROM model_artifacts",
                "UPDATE model_alias SET champion = 'x'",
                "DELETE FROM model_alias",
                "UPDATE model_decisions SET reason = 'x'",
                "DELETE FROM model_decisions",
            ):
                with pytest.raises(psycopg.errors.RaiseException, match="refused"):
                    await made.connection.execute(statement.encode())
            with pytest.raises(psycopg.errors.CheckViolation):
                await made.connection.execute(
                    "INSERT INTO model_artifacts (sha256, bytes) VALUES (%s, 'other')", ["0" * 64]
                )
            await versions.set_state(made.connection, made.model, stored.version, "retired")
            found = await versions.find(made.connection, made.model, stored.version)
            assert found is not None
            assert found.state == "retired"
            assert registry.version_id(found) == stored.version

    asyncio.run(run())


def test_production_promotes_nobody_by_itself() -> None:
    assert GateSettings().auto_promote is False
