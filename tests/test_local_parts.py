"""The embedded parts, started for real: they keep what they were given, die with their owner, and say why they fail."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from sinks.local import LocalPostgres, LocalValkey
from streams.local import LocalKafka
from streams.local_part import LocalPart
from streams.ports import LOOPBACK, free_port
from streams.processes import LocalPartError
from tests.support.kafka import create_topics

REPOSITORY = Path(__file__).parent.parent
OLD_EVENT_MS = 1_000_000_000_000  # September 2001
FUTURE_EVENT_MS = 4_000_000_000_000  # October 2096


class KafkaProbe:
    """Writes and reads values through a broker's topic."""

    def prepare(self, part: LocalPart) -> None:
        create_topics(address(part), {"kept": 1})

    def write(self, part: LocalPart, value: str) -> None:
        asyncio.run(produce(address(part), "kept", [(value.encode(), OLD_EVENT_MS)]))

    def read(self, part: LocalPart) -> list[str]:
        return [value.decode() for value, _time in asyncio.run(consume(address(part), "kept"))]


class PostgresProbe:
    """Writes and reads values through a table."""

    def prepare(self, part: LocalPart) -> None:
        with psycopg.connect(part.url) as session:
            session.execute("CREATE TABLE kept (id bigserial, value text)")

    def write(self, part: LocalPart, value: str) -> None:
        with psycopg.connect(part.url) as session:
            session.execute("INSERT INTO kept (value) VALUES (%s)", [value])

    def read(self, part: LocalPart) -> list[str]:
        with psycopg.connect(part.url) as session:
            return [row[0] for row in session.execute("SELECT value FROM kept ORDER BY id")]


class ValkeyProbe:
    """Writes and reads values through a list."""

    def prepare(self, part: LocalPart) -> None:
        """Needs nothing."""

    def write(self, part: LocalPart, value: str) -> None:
        with redis.Redis.from_url(part.url) as client:
            client.rpush("kept", value)

    def read(self, part: LocalPart) -> list[str]:
        with redis.Redis.from_url(part.url, decode_responses=True) as client:
            values = client.lrange("kept", 0, -1)
        assert isinstance(values, list)
        return values


Probe = KafkaProbe | PostgresProbe | ValkeyProbe
Part = type[LocalKafka] | type[LocalPostgres] | type[LocalValkey]

PARTS = [
    pytest.param(LocalKafka, KafkaProbe(), marks=pytest.mark.kafka),
    pytest.param(LocalPostgres, PostgresProbe(), marks=pytest.mark.postgres),
    pytest.param(LocalValkey, ValkeyProbe(), marks=pytest.mark.valkey),
]


def address(part: LocalPart) -> str:
    return f"{LOOPBACK}:{part.port}"


async def produce(bootstrap: str, topic: str, records: list[tuple[bytes, int]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for value, timestamp_ms in records:
            await producer.send_and_wait(topic, value, timestamp_ms=timestamp_ms)
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str) -> list[tuple[bytes, int]]:
    """Everything in partition 0."""
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        records = [await consumer.getone() for _ in range(end)]
    finally:
        await consumer.stop()
    return [(record.value, record.timestamp) for record in records]


def processes_in(directory: Path) -> list[int]:
    """The processes that work in this directory or below it."""
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        where = process.info["cwd"]
        alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if where and alive and Path(where).is_relative_to(directory):
            found.append(process.pid)
    return found


def is_locked(data_dir: Path) -> bool:
    with (data_dir / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until(condition: Callable[[], bool], deadline_s: float) -> bool:
    end = time.monotonic() + deadline_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(("make", "probe"), PARTS)
def test_a_stopped_part_starts_again_with_its_data_on_the_same_port(
    make: Part, probe: Probe, tmp_path: Path
) -> None:
    with make(tmp_path / "part") as part:
        port = part.port
        assert is_locked(tmp_path / "part")
        probe.prepare(part)
        probe.write(part, "first")
    assert not is_locked(tmp_path / "part")
    assert processes_in(tmp_path) == []

    with make(tmp_path / "part") as part:
        assert part.port == port
        probe.write(part, "second")
        assert probe.read(part) == ["first", "second"]


@pytest.mark.parametrize(("make", "probe"), PARTS)
def test_data_survives_a_kill_and_a_move_to_another_port(
    make: Part, probe: Probe, tmp_path: Path
) -> None:
    part = make(tmp_path / "part")
    part.start()
    probe.prepare(part)
    probe.write(part, "first")
    killed_port = part.port
    part.kill()
    assert processes_in(tmp_path) == []

    with socket.socket() as occupied:
        occupied.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupied.bind((LOOPBACK, killed_port))
        occupied.listen(1)
        with part:
            assert part.port != killed_port
            assert probe.read(part) == ["first"]


@pytest.mark.parametrize(("make", "_probe"), PARTS)
def test_a_part_dies_with_its_owner(make: Part, _probe: Probe, tmp_path: Path) -> None:
    code = (
        "import sys, threading, time\n"
        f"from {make.__module__} import {make.__name__} as Part\n"
        "from pathlib import Path\n"
        "part = Part(Path(sys.argv[1]))\n"
        "starter = threading.Thread(target=part.start)\n"  # whose end must not end the part
        "starter.start(); starter.join()\n"
        "time.sleep(0.3)\n"
        "print(part.pid if part.running else 'ended', flush=True)\n"
        "time.sleep(120)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "part")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as owner:
        assert owner.stdout is not None
        try:
            told = owner.stdout.readline().strip()
            living = [str(pid) for pid in processes_in(tmp_path)]
        finally:
            owner.send_signal(signal.SIGKILL)
    assert told in living
    assert wait_until(lambda: processes_in(tmp_path) == [], deadline_s=5)


@pytest.mark.parametrize(("make", "_probe"), PARTS[1:])
def test_a_data_directory_serves_one_part_at_a_time(
    make: Part, _probe: Probe, tmp_path: Path
) -> None:
    with make(tmp_path / "part") as part:
        with pytest.raises(LocalPartError, match=f"in use by process {part.pid}"):
            make(tmp_path / "part").start()
        with pytest.raises(LocalPartError, match="is running already"):
            part.start()
        assert part.running


@pytest.mark.parametrize(("make", "_probe"), PARTS)
def test_a_data_directory_that_is_a_file_is_named(
    make: Part, _probe: Probe, tmp_path: Path
) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a directory")
    with pytest.raises(LocalPartError, match=f"{make.name}: data directory {taken} cannot be used"):
        make(taken).start()
    assert taken.read_text() == "not a directory"


@pytest.mark.parametrize(("make", "_probe"), PARTS)
def test_a_port_in_use_is_named(make: Part, _probe: Probe, tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind((LOOPBACK, free_port()))
        occupied.listen(1)
        port = occupied.getsockname()[1]
        with pytest.raises(LocalPartError, match=f"{make.name}: port {port} is in use"):
            make(tmp_path / "part", port=port).start()
    assert processes_in(tmp_path) == []


@pytest.mark.kafka
def test_a_broken_broker_setting_is_shown_with_the_log(tmp_path: Path) -> None:
    steps: list[str] = []
    broker = LocalKafka(tmp_path, settings={"num.io.threads": "many"}, progress=steps.append)
    with pytest.raises(LocalPartError) as caught:
        broker.start()
    assert caught.value.log == tmp_path / "log.txt"
    assert str(caught.value).startswith("Apache Kafka: formatting failed, exit code 1\n")
    assert "num.io.threads" in str(caught.value)
    assert steps[-1] == "Apache Kafka: formatting"
    assert processes_in(tmp_path) == []


@pytest.mark.kafka
def test_a_broker_that_dies_while_it_starts_is_shown_with_the_log(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "meta.properties").write_text(
        "version=1\nnode.id=7\ncluster.id=other\n"
    )
    broker = LocalKafka(tmp_path)
    with pytest.raises(LocalPartError, match=r"(?s)did not start, exit code 1 .*[nN]ode"):
        broker.start()
    assert not broker.running
    assert processes_in(tmp_path) == []


@pytest.mark.postgres
def test_progress_names_every_step_of_a_first_start(tmp_path: Path) -> None:
    steps: list[str] = []
    with LocalPostgres(tmp_path, progress=steps.append) as server:
        assert steps == [
            "PostgreSQL: creating the database cluster",
            f"PostgreSQL: starting on port {server.port}",
        ]


@pytest.mark.postgres
def test_a_damaged_database_is_shown_with_the_log(tmp_path: Path) -> None:
    with LocalPostgres(tmp_path):
        pass
    (tmp_path / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(
        LocalPartError, match=r"(?s)PostgreSQL: did not start, exit code .*pg_control"
    ):
        LocalPostgres(tmp_path).start()
    assert processes_in(tmp_path) == []


@pytest.mark.valkey
def test_a_damaged_append_only_file_is_shown_with_the_log(tmp_path: Path) -> None:
    with LocalValkey(tmp_path):
        pass
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(LocalPartError, match=r"(?s)Valkey: did not start, exit code .*manifest"):
        LocalValkey(tmp_path).start()
    assert processes_in(tmp_path) == []


@pytest.mark.postgres
def test_an_interrupted_first_start_leaves_no_half_cluster(tmp_path: Path) -> None:
    (tmp_path / "cluster.new").mkdir()
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    with LocalPostgres(tmp_path) as server, psycopg.connect(server.url) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.postgres
def test_a_stale_process_number_does_not_stop_postgres(tmp_path: Path) -> None:
    with LocalPostgres(tmp_path):
        pass
    (tmp_path / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with LocalPostgres(tmp_path) as server:
        assert server.running


def test_postgres_asks_for_its_password(postgres: str) -> None:
    role, rest = postgres.removeprefix("postgresql://").split(":", 1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://{role}:wrong@{rest.partition('@')[2]}")


def test_postgres_flushes_to_disk_and_keeps_utc(postgres: str) -> None:
    with psycopg.connect(postgres) as session:
        shown = [
            session.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "timezone", "server_encoding")
        ]
    assert shown == [("on",), ("on",), ("UTC",), ("UTF8",)]


def test_valkey_appends_every_write_and_evicts_nothing(valkey: str) -> None:
    with redis.Redis.from_url(valkey, decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("bind") == {"bind": LOOPBACK}


def test_kafka_keeps_event_times_of_any_age(kafka: str, fresh_name: Callable[[str], str]) -> None:
    topic = fresh_name("times")
    create_topics(kafka, {topic: 1})
    records = [(b"old", OLD_EVENT_MS), (b"future", FUTURE_EVENT_MS)]
    asyncio.run(produce(kafka, topic, records))
    assert asyncio.run(consume(kafka, topic)) == records


@pytest.mark.valkey
def test_ctrl_c_on_the_terminal_does_not_reach_a_part(tmp_path: Path) -> None:
    with LocalValkey(tmp_path) as server:
        assert server.pid is not None
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


@pytest.mark.valkey
def test_a_part_that_ended_by_itself_says_how(tmp_path: Path) -> None:
    with LocalValkey(tmp_path) as server:
        assert server.pid is not None
        assert server.poll() is None
        os.kill(server.pid, signal.SIGKILL)
        assert wait_until(lambda: server.poll() == -signal.SIGKILL, deadline_s=5)
        assert not server.running
        assert server.stop()
