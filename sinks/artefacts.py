"""Reads the files of models' versions out of the registry, for the cache of a worker."""

import psycopg

TIMEOUT_S = 10


class PostgresArtefacts:
    """Content by its hash, from `model_artifacts`. A session for each read: versions are loaded seldom."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, sha256: str) -> bytes:
        """The bytes; KeyError where there are none. Raises psycopg.Error where the database does not answer."""
        with psycopg.connect(self._url, connect_timeout=TIMEOUT_S) as connection:
            found = connection.execute(
                "SELECT bytes FROM model_artifacts WHERE sha256 = %s", [sha256]
            ).fetchone()
        if found is None:
            raise KeyError(sha256)
        return bytes(found[0])
