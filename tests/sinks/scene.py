"""A sink process under load with a database to break, and how soon it stores again after each fault."""

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from sinks.local import LocalPostgres
from streams.ports import LOOPBACK, free_port
from tests.faults.workers import Worker
from tests.sinks.flow import logged, row_count
from tests.sinks.load import Load

SESSION_S = 2.0
RECOVERY_S_MAX = 60.0
LOOK_S = 0.05
RSS_GROWTH_MAX = 64 << 20
"""Two batches and what the client has fetched; nothing else may grow while the database is away."""


@dataclass
class Scene:
    """What a fault does something to, and what it found. down_s: bounds of the time that something is taken away."""

    kafka: str
    database: LocalPostgres
    directory: Path
    app: str
    chance: random.Random
    down_s: tuple[float, float]
    valkey: str = ""
    load: Load = field(init=False)
    sink: Worker = field(init=False)
    recovered_s: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.load = Load(self.kafka, self.chance)
        self.sink = self.sink_named("sink0")

    def sink_named(self, name: str) -> Worker:
        """A sink of this scene's group, not started."""
        self.port = free_port()
        settings = {
            "HEADRACE_POSTGRES_URL": self.database.url,
            "HEADRACE_REDIS_URL": self.valkey,
            "HEADRACE_OPS_PORT": str(self.port),
        }
        return Worker(
            "-m tests.sinks.process",
            self.kafka,
            self.directory,
            name,
            self.app,
            session_timeout_s=SESSION_S,
            settings=settings,
        )

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """The sink stores what the load sends, and the body breaks something."""
        with self.load.running(), self.sink:
            self.until(lambda: (self.stored() or 0) > 0, "first rows")
            yield
            self.stop()

    def stop(self) -> None:
        """Ask the sink to stop, which it must do in order."""
        self.ends.append(code := self.sink.stop())
        if code != 0:
            self.violations.append(f"a clean stop ends with {code}")

    def drain(self) -> None:
        """Store what the load has left; the second start also proves that a stop can be gone on from."""
        wanted = sum(map(len, logged(self.kafka).values()))
        said = len(self.sink.text())
        with self.sink.start():
            self.sink.until_it_says("partitions claimed", start=said)
            self.until(lambda: self.kept() >= wanted, "all records")
            self.stop()

    def kept(self) -> int:
        """Rows and rejects."""
        with psycopg.connect(self.database.url, connect_timeout=5) as sql:
            row = sql.execute("SELECT count(*) FROM sink_rejects").fetchone()
        return row_count(self.database.url) + (int(row[0]) if row else 0)

    def recovers(self, what: str) -> None:
        """Measure from now until more is stored than now."""
        began, before = time.monotonic(), self.stored() or 0
        self.until(lambda: (self.stored() or 0) > before, f"recovery from {what}")
        self.recovered_s.append(time.monotonic() - began)

    def pause(self) -> None:
        """As long as something stays taken away."""
        time.sleep(self.chance.uniform(*self.down_s))

    def until(
        self, true: Callable[[], bool], what: str, deadline_s: float = RECOVERY_S_MAX
    ) -> None:
        """Wait; a sink that ends meanwhile is an error."""
        end = time.monotonic() + deadline_s
        while not true():
            assert time.monotonic() < end, f"never came: {what}:\n{self.sink.text()[-2000:]}"
            time.sleep(LOOK_S)

    def stored(self) -> int | None:
        """The sum of the offsets that are stored; None while the database does not say."""
        with suppress(psycopg.Error), psycopg.connect(self.database.url, connect_timeout=2) as sql:
            row = sql.execute("SELECT sum(next)::bigint FROM sink_offsets").fetchone()
            return int(row[0] or 0) if row else 0
        return None

    def is_ready(self) -> bool:
        """What the sink's readiness probe says."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/readyz", timeout=2) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def memory(self) -> int:
        """Bytes that the sink's process holds."""
        assert self.sink.child is not None
        return int(psutil.Process(self.sink.child.pid).memory_info().rss)

    @contextmanager
    def without_database(self, what: str) -> Iterator[None]:
        """The body takes the database away and gives it back: the sink must say so, hold on, and grow no more."""
        before = self.memory()
        yield
        if (growth := self.memory() - before) > RSS_GROWTH_MAX:
            self.violations.append(f"{what}: memory grew by {growth >> 20} MiB")
        self.recovers(what)
        self.until(self.is_ready, f"ready after {what}")

    def not_ready(self, what: str, deadline_s: float = 15.0) -> None:
        """The sink must notice."""
        try:
            self.until(lambda: not self.is_ready(), what, deadline_s)
        except AssertionError:
            self.violations.append(f"{what}: the sink called itself ready for {deadline_s:.0f} s")
