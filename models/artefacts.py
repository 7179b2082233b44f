"""Where the files of versions come from: by their hash, out of a folder that is filled from the registry.

Callers hash what they get once more (`models.registry.files`): a file is checked at every load.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SHA256 = re.compile("[0-9a-f]{64}")
FILE_BYTES_MAX = 256 * 1024 * 1024


class ArtefactMissing(Exception):
    """Nothing is kept under this hash."""


class ArtefactRefused(Exception):
    """What is kept under this hash is something else."""


class Artefacts(Protocol):
    """Content by its hash."""

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises ArtefactMissing or ArtefactRefused."""


class FolderCache:
    """Artefacts in a folder, fetched once from where they come from; a damaged file is never answered with.

    origin: the bytes of a hash; raises KeyError for one that it does not have.
    """

    def __init__(self, folder: Path, origin: Callable[[str], bytes]) -> None:
        self._folder = folder
        self._origin = origin

    def get(self, sha256: str) -> bytes:
        """The bytes, from the folder if it has them."""
        path = self._path(sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = self._fetch(sha256)
            self._keep(path, content)
            return content
        _check(sha256, content)
        return content

    def _fetch(self, sha256: str) -> bytes:
        try:
            content = self._origin(sha256)
        except KeyError as error:
            raise ArtefactMissing(sha256) from error
        _check(sha256, content)
        return content

    def _path(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise ArtefactRefused(f"{sha256!r} is no sha256")
        return self._folder / sha256

    def _keep(self, path: Path, content: bytes) -> None:
        """Whole or not at all, also after a power cut."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _check(sha256: str, content: bytes) -> None:
    if len(content) > FILE_BYTES_MAX:
        raise ArtefactRefused(f"{sha256}: {len(content)} bytes are too many")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtefactRefused(f"{sha256}: other bytes are kept under this hash")
