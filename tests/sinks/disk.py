"""A small disk for a database, and a way to fill it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_MIB = 160
BALLAST = "ballast"
BLOCK = bytes(1 << 16)


@contextmanager
def small(place: Path) -> Iterator[bool]:
    """A file system of its own at `place`; False where none can be mounted."""
    place.mkdir(exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        yield False
        return
    place.chmod(0o755)
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """No byte is free while the body runs."""
    ballast = place / BALLAST
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(BLOCK)
        except OSError:
            pass
    try:
        yield
    finally:
        ballast.unlink()
