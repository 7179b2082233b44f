"""What is done to a sink and its database, one function a fault: `faults` plays and judges them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg
from redis import Redis

from sinks.current import KINDS, versioned
from sinks.history import CRASH_POINTS
from sinks.latest import Keys
from sinks.local import LocalValkey
from streams import crash
from streams.exits import Exit
from tests.faults.workers import Worker
from tests.sinks import disk
from tests.sinks.conftest import PARTITIONS
from tests.sinks.scene import Scene


def kill_sink(scene: Scene, runs: int) -> None:
    """Kill -9 at random moments."""
    for _ in range(runs):
        scene.pause()
        scene.sink.kill()
        scene.sink.start()
        scene.recovers("a kill")


def kill_at_points(scene: Scene, runs: int) -> None:
    """The process ends itself inside and right after the transaction."""
    for point in CRASH_POINTS:
        for _ in range(max(1, runs // len(CRASH_POINTS))):
            scene.sink.kill()
            plain = scene.sink.settings
            number = scene.chance.randint(1, 4)
            scene.sink.settings = {**plain, "HEADRACE_CRASH": f"{point}:{number}"}
            scene.sink.start()
            code = scene.sink.wait()
            if code != crash.KILLED:
                scene.violations.append(f"{point}:{number} ends with {code}")
            scene.sink.settings = plain
            scene.sink.start()
            scene.recovers(point)


def stop_database(scene: Scene, runs: int) -> None:
    """Stopped in order and killed in turns, started again after a while."""
    for number in range(runs):
        with scene.without_database("a database that is away"):
            (scene.database.kill if number % 2 else scene.database.stop)()
            scene.not_ready("a database that is away")
            scene.pause()
            scene.database.start()


def freeze_sink(scene: Scene, runs: int) -> None:
    """Frozen until another has its partitions; awake, it stores nothing under its old claim.

    It ends as fenced where it was about to, or finds out by itself and joins the other with a new claim.
    """
    for number in range(runs):
        old = scene.sink
        old.signal(signal.SIGSTOP)
        scene.sink = scene.sink_named(f"rival{number}").start()
        scene.recovers("a takeover")
        said = len(old.text())
        old.signal(signal.SIGCONT)
        scene.until(partial(_knows, old, said), "the frozen sink knows")
        scene.ends.append(code := old.stop() if old.running() else old.wait())
        if code not in (Exit.CLEAN, Exit.FENCED):
            scene.violations.append(f"the frozen sink ends with {code}, not {Exit.FENCED}")


def _knows(sink: Worker, said: int) -> bool:
    """Whether a sink has ended, or claimed its partitions anew."""
    return not sink.running() or "partitions claimed" in sink.text()[said:]


def hold_lock(scene: Scene, runs: int) -> None:
    """Another session holds a table."""
    for _ in range(runs):
        with scene.without_database("a held lock"), session(scene, autocommit=False) as sql:
            sql.execute("LOCK TABLE fills IN ACCESS EXCLUSIVE MODE")
            scene.not_ready("a held lock")
            scene.pause()


def slow_database(scene: Scene, runs: int) -> None:
    """Each statement on one table takes two seconds."""
    for _ in range(runs):
        with scene.without_database("a slow database"), session(scene) as sql:
            sql.execute(SLOW)
            scene.pause()
            sql.execute("DROP TRIGGER slow ON trades")


SLOW = """
CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
CREATE TRIGGER slow BEFORE INSERT ON trades EXECUTE FUNCTION slow()"""


def take_sessions(scene: Scene, runs: int) -> None:
    """Every session that the server has is another's, and the sink's own is ended."""
    for _ in range(runs):
        with scene.without_database("no free session"), ExitStack() as taken:
            first = taken.enter_context(session(scene))
            first.execute(END_SINK)
            with suppress(psycopg.OperationalError):
                while True:
                    taken.enter_context(session(scene))
                    first.execute(END_SINK)
            scene.not_ready("no free session")
            scene.pause()


END_SINK = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headrace-sink'"""


def read_only_database(scene: Scene, runs: int) -> None:
    """As after a failover to a standby."""
    for _ in range(runs):
        with scene.without_database("a read-only database"), session(scene) as sql:
            sql.execute("SET default_transaction_read_only = off")
            sql.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            sql.execute("SELECT pg_reload_conf()")
            scene.not_ready("a read-only database")
            scene.pause()
            sql.execute("ALTER SYSTEM RESET default_transaction_read_only")
            sql.execute("SELECT pg_reload_conf()")


def fill_disk(scene: Scene, runs: int) -> None:
    """No room for the database's files until some is made; the server is started again if it gave up."""
    for _ in range(runs):
        with scene.without_database("a full disk"):
            with disk.full(scene.database.data_dir):
                scene.not_ready("a full disk", deadline_s=30.0)
                scene.pause()
            if not scene.database.running:
                scene.database.start()


def kill_cache(scene: Scene, runs: int) -> None:
    """Valkey killed, flushed, and robbed of one hash; the history goes on and the values come back."""
    with LocalValkey(scene.directory / "valkey") as valkey:
        scene.sink.kill()
        scene.valkey = valkey.url
        scene.sink = scene.sink_named("cached").start()
        for number in range(runs):
            scene.recovers("a start")
            (valkey.kill, lambda: flush(valkey.url), lambda: evict(scene))[number % 3]()
            scene.recovers("a cache that is away")
            scene.pause()
            if not valkey.running:
                valkey.start()
        scene.stop()
        scene.load.stop()
        scene.drain()
        scene.violations += differing_values(scene)
        scene.valkey = ""
        scene.sink = scene.sink_named("uncached").start()
        scene.sink.until_it_says("partitions claimed")


def flush(url: str) -> None:
    with Redis.from_url(url) as cache:
        cache.flushall()


def evict(scene: Scene) -> None:
    with Redis.from_url(scene.valkey) as cache:
        cache.delete(Keys(scene.app, 1).values("position", 0))


def differing_values(scene: Scene) -> list[str]:
    """Where the cache does not say what SQL says is current."""
    with session(scene) as sql, Redis.from_url(scene.valkey) as cache:
        rows = sql.execute(
            "SELECT kind, log_partition, key, log_offset, value::text FROM current_state"
        ).fetchall()
        wanted = {(k, p, key): versioned(offset, v.encode()) for k, p, key, offset, v in rows}
        found = {
            (kind, partition, key.decode()): value
            for kinds in KINDS.values()
            for kind in kinds
            for partition in range(PARTITIONS)
            for key, value in cache.hgetall(Keys(scene.app, 1).values(kind, partition)).items()
        }
    return [] if found == wanted else [f"cache: {len(found)} values, {len(wanted)} in SQL"]


def poison(scene: Scene, runs: int) -> None:
    """One record in a hundred is one that no table takes."""
    for _ in range(runs):
        scene.recovers("poison")
        scene.pause()


def jump_in_time(scene: Scene, runs: int) -> None:
    """The times of records leap by a second, an hour, a day and twelve years, to and fro."""
    poison(scene, runs)


Part = Callable[[Scene, int], None]

PARTS: dict[str, Part] = {
    "kill": kill_sink,
    "points": kill_at_points,
    "database": stop_database,
    "zombie": freeze_sink,
    "lock": hold_lock,
    "slow": slow_database,
    "sessions": take_sessions,
    "read-only": read_only_database,
    "disk": fill_disk,
    "cache": kill_cache,
    "poison": poison,
    "times": jump_in_time,
}


@contextmanager
def session(scene: Scene, *, autocommit: bool = True) -> Iterator[psycopg.Connection]:
    """A session of another's."""
    url = scene.database.url
    with psycopg.connect(url, autocommit=autocommit, connect_timeout=5) as sql:
        yield sql
