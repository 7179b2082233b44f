"""Secrets, which come from files alone: who may read the file is checked, and a changed file is read again."""

import logging
import stat
from pathlib import Path
from typing import Final, NamedTuple

log = logging.getLogger("headrace.secret")

BYTES_MAX = 1 << 20
OTHERS, GROUP = 0o007, 0o070
ROOT = 0

DEFAULTS: Final = frozenset(
    "admin changeme default guest headrace kafka letmein password postgres redis secret test".split()
)
"""What somebody forgot to change."""


class SecretRefused(ValueError):
    """A secret's file is missing, empty, readable by others or holds a default; its text is not in the message."""


class Fingerprint(NamedTuple):
    """What changes when a file is replaced or written."""

    mtime_ns: int
    size: int
    inode: int


def fingerprint(file: Path) -> Fingerprint:
    """Raises OSError."""
    found = file.stat()
    return Fingerprint(found.st_mtime_ns, found.st_size, found.st_ino)


def check_mode(file: Path) -> None:
    """Raises SecretRefused where others may read a file, OSError where it is not there.

    A mounted secret volume is root's and readable by our group, which is as tight as it can be.
    """
    found = file.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS or (mode & GROUP and found.st_uid != ROOT):
        raise SecretRefused(f"{file}: mode {mode:o} lets others read it; run `chmod 600 {file}`")


def read(file: Path) -> str:
    """The secret in a file, without the line end that editors add. Raises SecretRefused."""
    try:
        check_mode(file)
        with file.open("rb") as opened:
            text = opened.read(BYTES_MAX).decode().rstrip("\r\n")
    except OSError as error:
        raise SecretRefused(f"{file}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise SecretRefused(f"{file}: is no text") from None
    if not text.strip():
        raise SecretRefused(f"{file}: is empty")
    if text.strip().lower() in DEFAULTS:
        raise SecretRefused(f"{file}: holds a default, which anybody may guess")
    return text


class SecretFile:
    """A secret that may change while the process runs. Its text appears where it is asked for and nowhere else."""

    def __init__(self, file: Path) -> None:
        """Raises SecretRefused."""
        self.file = file
        self._text = read(file)
        self._seen = fingerprint(file)
        self.reloads = 0
        self.failures = 0

    def text(self) -> str:
        """The secret as the file has it now; the last good one while the file is unusable."""
        try:
            seen = fingerprint(self.file)
            if seen != self._seen:
                self._text = read(self.file)
                self._seen = seen
                self.reloads += 1
        except (OSError, SecretRefused) as error:
            self.failures += 1
            log.warning("a secret stays as it was, its file cannot be used: %s", error)
        return self._text

    def __repr__(self) -> str:
        return f"SecretFile({str(self.file)!r})"
