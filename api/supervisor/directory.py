"""The data directory of a running system: whose it is, who runs on it now, and where its parts listen."""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

MARKER = "headrace-data.json"
LOCK = "lock"
RUN = "run.json"
LAYOUT = 1


class DirectoryRefused(Exception):
    """This data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """What runs on a data directory now, and where it listens. feed: the source and why it was chosen.

    strategy, strategy_params, strategy_account: of its worker, as in the settings.
    api_token: what the status API wants to see, where this run made one. promotion: settings of its gate.
    """

    pid: int
    app: str
    brokers: str
    partitions: int
    postgres_url: str
    redis_url: str
    api_url: str
    worker_url: str
    sink_url: str
    feed_url: str
    feed: str
    strategy: str = "none"
    strategy_params: str = ""
    strategy_account: str = "paper"
    api_token: str = ""
    api_ops_url: str = ""
    promotion: str = ""
    promotion_url: str = ""


class DataDirectory:
    """A data directory held by this process alone, as a context; other processes see its `Run`."""

    def __init__(self, root: Path, *, fresh: bool = False) -> None:
        self.root = root.absolute()
        self._fresh = fresh
        self._lock = -1

    def __enter__(self) -> Self:
        self._refuse_a_foreign_one()
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = _hold(self.root)
        if self._fresh:
            self._empty()
        (self.root / RUN).unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        (self.root / RUN).unlink(missing_ok=True)
        os.close(self._lock)

    def settle_partitions(self, wanted: int | None, default: int) -> int:
        """The partition count of this directory, which its first start fixes for life."""
        marker = self.root / MARKER
        if marker.exists():
            found: int = json.loads(marker.read_text())["partitions"]
            if wanted not in (None, found):
                raise DirectoryRefused(
                    f"{self.root} was made with {found} partitions, which is fixed for life; leave --partitions out, "
                    "or start empty with --fresh"
                )
            return found
        count = default if wanted is None else wanted
        _write(marker, {"layout": LAYOUT, "partitions": count})
        return count

    def log(self, part: str) -> Path:
        """Where a part writes its log."""
        (self.root / "logs").mkdir(exist_ok=True)
        return self.root / "logs" / f"{part}.log"

    def publish(self, run: Run) -> None:
        """Tell other commands where this system listens."""
        _write(self.root / RUN, asdict(run))

    def _refuse_a_foreign_one(self) -> None:
        root = self.root
        if root.exists() and not root.is_dir():
            raise DirectoryRefused(f"{root} is not a directory")
        ours = not root.exists() or (root / MARKER).exists()
        # A start that ended before it wrote the marker leaves the lock alone.
        if not ours and {entry.name for entry in root.iterdir()} - {LOCK, RUN}:
            raise DirectoryRefused(
                f"{root} is not a data directory of Headrace (no {MARKER}) and is not empty; it is left as it is, "
                "choose another with --data"
            )

    def _empty(self) -> None:
        """The marker goes last: a directory that was left half empty is still known as ours."""
        kept = (LOCK, MARKER)
        for entry in [entry for entry in self.root.iterdir() if entry.name not in kept]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (self.root / MARKER).unlink(missing_ok=True)


def running(root: Path) -> Run | None:
    """What runs on this data directory now, or None."""
    try:
        lock = os.open(root / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(root / RUN)
    finally:
        os.close(lock)
    return None


def _hold(root: Path) -> int:
    lock = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 32, 0).decode().strip() or "unknown"
        os.close(lock)
        run = _read(root / RUN)
        at = f" (its API: {run.api_url})" if run else ""
        raise DirectoryRefused(
            f"`headrace up` runs on {root} already, as process {holder}{at}; stop that one, or choose another "
            "directory with --data"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _read(path: Path) -> Run | None:
    try:
        return Run(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # still starting, or of another version


def _write(path: Path, content: dict[str, object]) -> None:
    """Whole or not at all, and for this user alone: it holds the database's password."""
    scratch = path.with_name(path.name + ".new")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(content, indent=2) + "\n")
    scratch.replace(path)
