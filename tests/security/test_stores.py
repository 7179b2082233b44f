"""The passwords of history and latest state come from files, and a new one is used by the next connection."""

import asyncio
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.secret import SecretFile
from streams.settings import Settings
from streams.stores import StoreUrl, filled, redis_login

FIRST, NEXT = "first/of two:@", "next of two"
ROLE = "headrace_rotated"


def file_of(directory: Path, password: str) -> Path:
    scratch = directory / "new"
    scratch.touch(mode=0o600)
    scratch.write_text(password)
    return scratch.replace(directory / "password")


def test_history_takes_the_password_of_now(postgres: str, tmp_path: Path) -> None:
    parts = urlsplit(postgres)
    url = parts._replace(netloc=f"{ROLE}@{parts.hostname}:{parts.port}").geturl()
    file = file_of(tmp_path, FIRST)
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{FIRST}'")
        ours = Settings(postgres_url=url, postgres_password_file=str(file)).postgres_url
        assert FIRST not in repr(ours) and isinstance(ours, StoreUrl)
        assert _user(ours) == ROLE
        owner.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEXT}'")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _user(ours)
        file_of(tmp_path, NEXT)
        assert _user(ours) == ROLE
        owner.execute(f"DROP ROLE {ROLE}")


def _user(url: str) -> str:
    async def ask() -> str:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
            row = await (await connection.execute("SELECT current_user")).fetchone()
        assert row is not None
        return str(row[0])

    return asyncio.run(ask())


def test_latest_state_takes_the_password_of_now(valkey: str, tmp_path: Path) -> None:
    name = f"rotated-{secrets.token_hex(4)}"
    parts = urlsplit(valkey)
    url = parts._replace(netloc=f"{name}@{parts.netloc}").geturl()
    password = SecretFile(file_of(tmp_path, FIRST))
    ours = StoreUrl(url, password)

    async def work() -> None:
        async with Redis.from_url(valkey) as owner:
            await _acl(owner, "SETUSER", name, "on", f">{FIRST}", "+@all", "~*")
            assert await _ping(ours)
            await _acl(owner, "SETUSER", name, "resetpass", f">{NEXT}")
            with pytest.raises(RedisError):
                await _ping(ours)
            file_of(tmp_path, NEXT)
            assert await _ping(ours)
            await _acl(owner, "DELUSER", name)

    asyncio.run(work())


async def _acl(owner: Redis, *words: str) -> None:
    await owner.execute_command("ACL", *words)  # type: ignore[no-untyped-call]  # redis has no type for it


async def _ping(url: str) -> bool:
    async with Redis.from_url(**redis_login(url)) as client:
        return bool(await client.ping())


def test_url_with_its_password_can_be_read_back(tmp_path: Path) -> None:
    url = StoreUrl("redis://sink@cache.example:6379/0", SecretFile(file_of(tmp_path, FIRST)))
    assert FIRST not in f"{url} {url!r}"
    assert urlsplit(filled(url)).hostname == "cache.example"
    assert urlsplit(filled(url)).password == "first%2Fof%20two%3A%40"
    assert filled("redis://127.0.0.1/0") == "redis://127.0.0.1/0"
