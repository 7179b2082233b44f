"""The checks of `headrace doctor`, one function each: settings -> what was found and what is wrong with it."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import psycopg
import redis.asyncio as redis
from aiokafka.errors import KafkaError

from sinks.migrate import migrations
from streams import admin, guards
from streams.admin import Problem
from streams.settings import Settings
from streams.stores import redis_login

DESCRIPTORS_MIN = 4096
TIMEOUT_S = 5.0
CLOCK_S_MAX = 5.0
POSTGRES_MIN = 16
VALKEY_MIN = 7
START = "start it with `headrace up`, or name another with"

UNREACHABLE = (KafkaError, OSError, TimeoutError)


@dataclass(frozen=True)
class Finding:
    """What one check found, and what is wrong with it."""

    subject: str
    found: str
    problems: list[Problem] = field(default_factory=list)


def guarded(settings: Settings, *, is_api: bool) -> Finding:
    """The profile lets a process start with these settings; without a profile, as `up` runs its simulation."""
    profile = settings.profile or "simulation"
    given = settings.model_copy(update={"profile": profile})
    refused = guards.refusals(given, is_api=is_api)
    on = [flag for flag, is_on in guards.insecure(given, is_api=is_api).items() if is_on]
    found = f"profile {profile}, insecure: {', '.join(on) or 'nothing'}"
    mend = "see docs/deploy.md"
    return Finding(
        "settings", found, [Problem(r.subject, r.found, r.expected, mend) for r in refused]
    )


async def brokers(settings: Settings) -> Finding:
    """A broker of version 4.0 or later answers."""
    subject = f"brokers {settings.brokers}"
    try:
        async with asyncio.timeout(TIMEOUT_S), admin.client(settings.brokers) as client:
            cluster = await client.describe_cluster()
            is_new = await admin.is_kafka_4(client)
    except UNREACHABLE as error:
        return _absent(subject, error, f"{START} HEADRACE_BROKERS")
    problems = []
    if not is_new:
        mend = "upgrade the brokers: the engine's transactions rely on 4.0"
        problems = [Problem("broker version", "below 4.0", "4.0 or later", mend)]
    found = f"{len(cluster['brokers'])} answer, cluster {cluster['cluster_id']}"
    return Finding(subject, found, problems)


async def topics(settings: Settings) -> Finding:
    """Every topic of the catalogue is there, as the catalogue has it."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            problems = await admin.check(
                settings.brokers, settings.partitions, settings.replication
            )
    except UNREACHABLE as error:
        return _absent("topics", error, f"{START} HEADRACE_BROKERS")
    found = "all agree with the catalogue" if not problems else f"{len(problems)} differences"
    return Finding("topics", found, problems)


async def postgres(settings: Settings) -> Finding:
    """The history database answers, has the schema of this version, and tells the time that we have."""
    if not settings.postgres_url:
        return _unset("PostgreSQL", "HEADRACE_POSTGRES_URL", "history is not stored without it")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            connection = await psycopg.AsyncConnection.connect(settings.postgres_url)
            number = connection.info.server_version // 10_000
            ahead_s = await _ahead_s(connection)
            schema = await _schema(connection)
            await connection.close()
    except (psycopg.Error, *UNREACHABLE) as error:
        return _absent("PostgreSQL", error, f"{START} HEADRACE_POSTGRES_URL")
    found = f"version {number}, schema {schema}, our clock {ahead_s:+.1f} s ahead of its"
    problems = _at_least("PostgreSQL", number, POSTGRES_MIN)
    return Finding("PostgreSQL", found, [*problems, *_schema_wrong(schema), *clock_wrong(ahead_s)])


async def _ahead_s(connection: psycopg.AsyncConnection[Any]) -> float:
    """Our clock less the database's, seconds; the question's way is within it."""
    row = await (
        await connection.execute("SELECT extract(epoch FROM clock_timestamp())")
    ).fetchone()
    assert row is not None
    return time.time() - float(row[0])


async def _schema(connection: psycopg.AsyncConnection[Any]) -> int:
    """The newest migration that is applied; 0: none."""
    there = await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if await there.fetchone() != (True,):
        return 0
    row = await (await connection.execute("SELECT max(number) FROM schema_migrations")).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0


def _schema_wrong(schema: int) -> list[Problem]:
    """A newer one is of a newer version, whose sink is running."""
    newest = max(each.number for each in migrations() if not each.extension)
    if schema >= newest:
        return []
    mend = "start the sink, or run `headrace roles apply` as the database's owner"
    return [Problem("schema", f"at migration {schema}", f"at {newest}", mend)]


def clock_wrong(ahead_s: float) -> list[Problem]:
    """ahead_s: our clock less the database's, seconds."""
    if abs(ahead_s) <= CLOCK_S_MAX:
        return []
    mend = "let both machines follow one source of time"
    return [
        Problem("clock", f"{ahead_s:+.1f} s", f"within {CLOCK_S_MAX:g} s of the database's", mend)
    ]


async def valkey(settings: Settings) -> Finding:
    """The store of the latest state answers."""
    if not settings.redis_url:
        return _unset("Valkey", "HEADRACE_REDIS_URL", "latest state is not kept without it")
    client = redis.from_url(**redis_login(settings.redis_url), socket_timeout=TIMEOUT_S)
    try:
        about = await client.info("server")
    except (redis.RedisError, *UNREACHABLE) as error:
        return _absent("Valkey", error, f"{START} HEADRACE_REDIS_URL")
    finally:
        await client.aclose()
    text = str(about.get("valkey_version") or about.get("redis_version"))
    return Finding(
        "Valkey", f"version {text}", _at_least("Valkey", int(text.split(".")[0]), VALKEY_MIN)
    )


async def packages(_settings: Settings) -> Finding:
    """What is installed is what the project pins."""
    problems, count = [], 0
    for requirement in requires("headrace") or []:
        name, exact, rest = requirement.partition("==")
        if not exact or "extra ==" in rest:
            continue
        count += 1
        wanted = rest.split(";")[0].strip()
        name = name.partition("[")[0]
        found = _installed(name)
        if found != wanted:
            problems.append(Problem(f"package {name}", found, wanted, "run `make install`"))
    return Finding("packages", f"{count} pinned", problems)


async def descriptors(_settings: Settings) -> Finding:
    """Enough files and sockets may be open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= DESCRIPTORS_MIN
    mend = f"run `ulimit -n {DESCRIPTORS_MIN}` in the shell that starts it"
    problem = Problem("open files", str(soft), f"{DESCRIPTORS_MIN} or more", mend)
    return Finding("descriptors", f"{soft} may be open", [] if enough else [problem])


CHECKS: tuple[Callable[[Settings], Awaitable[Finding]], ...] = (
    brokers,
    topics,
    postgres,
    valkey,
    packages,
    descriptors,
)


def _absent(subject: str, error: BaseException, mend: str) -> Finding:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return Finding(subject, "no answer", [Problem(subject, f"away ({reason})", "answering", mend)])


def _unset(subject: str, variable: str, consequence: str) -> Finding:
    problem = Problem(variable, "unset", "a URL", f"set it; {consequence}")
    return Finding(subject, "not configured", [problem])


def _at_least(subject: str, number: int, least: int) -> list[Problem]:
    if number >= least:
        return []
    return [Problem(f"{subject} version", str(number), f"{least} or later", "upgrade it")]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
