"""The jars that the embedded Kafka runs on: resolved once a user, then used offline."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.processes import LocalPartError

TRIES_MAX = 3
TIMEOUT_S = 30


def cache_directory() -> Path:
    """Where what was downloaded is kept, for all engines of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "headrace"


def jars_of(coordinates: str, *, part: str, progress: Callable[[str], None]) -> Path:
    """The folder with the jars of these Maven coordinates, resolved now if no start of this user did before.

    Raises LocalPartError when they cannot be resolved.
    """
    cache = cache_directory() / "jars"
    jars = cache / hashlib.sha256(coordinates.encode()).hexdigest()[:16]
    if jars.exists():
        return jars
    with _locked(cache):
        if not jars.exists():
            progress(f"{part}: resolving jars (the first time only, 45 MB)")
            _resolve_with_retries(coordinates, jars, part)
    return jars


def _resolve_with_retries(coordinates: str, jars: Path, part: str) -> None:
    for tries_left in reversed(range(TRIES_MAX)):
        try:
            return _resolve(coordinates, jars)
        # The resolver raises OSError for the network and RuntimeError for any answer but 200.
        except (OSError, RuntimeError) as error:
            if not tries_left:
                raise LocalPartError(
                    part, f"its jars ({coordinates}) cannot be resolved: {error}"
                ) from error


def _resolve(coordinates: str, jars: Path) -> None:
    """Resolves into a fresh folder and moves the whole in place, so that a half resolved set is never used."""
    from jgo.env import EnvironmentBuilder  # half a second, needed once a user
    from jgo.maven import MavenContext

    for left_by_a_kill in jars.parent.glob("resolving-*"):
        shutil.rmtree(left_by_a_kill)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="resolving-") as scratch:
        # Not the user's own Maven repository: a torn download there would be taken for good.
        context = MavenContext(repo_cache=Path(scratch) / "repository", timeout=TIMEOUT_S)
        builder = EnvironmentBuilder(context, cache_dir=Path(scratch) / "environment")
        flat = Path(scratch) / "jars"
        flat.mkdir()
        for jar in builder.from_endpoint(coordinates).all_jars:
            shutil.move(jar, flat / jar.name)
        flat.rename(jars)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
