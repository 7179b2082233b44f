"""The URLs of PostgreSQL and Valkey whose passwords stand in files: read at each connection, absent from the text."""

from typing import Any, Self
from urllib.parse import quote, urlsplit

from streams.secret import SecretFile


class StoreUrl(str):
    """A URL without its password; psycopg, which encodes it to connect, gets it with the password of now."""

    __slots__ = ("password",)
    password: SecretFile

    def __new__(cls, url: str, password: SecretFile) -> Self:
        made = super().__new__(cls, url)
        made.password = password
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The whole URL."""
        return filled(self).encode(encoding, errors)


def filled(url: str) -> str:
    """The URL with its password, for a client that takes nothing else; never to be shown."""
    if not isinstance(url, StoreUrl):
        return url
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(url.password.text(), safe='')}@{host}").geturl()


def redis_login(url: str) -> dict[str, Any]:
    """The arguments of `Redis.from_url` with which each of its connections logs in with the password of now."""
    if not isinstance(url, StoreUrl):
        return {"url": url}
    parts = urlsplit(url)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return {"url": place, "credential_provider": _Provider(url)}


class _Provider:
    """What the Redis client asks, by its names."""

    def __init__(self, url: StoreUrl) -> None:
        self._user = urlsplit(url).username or "default"
        self._password = url.password

    def get_credentials(self) -> tuple[str, str]:
        return self._user, self._password.text()

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()
