"""PostgreSQL as Debian has it, with pgBackRest: an encrypted repository, the WAL archived, restored to any moment."""

import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import psycopg

from sinks.local import DATABASE, POSTGRES_SETTINGS, ROLE, LocalPostgres
from streams import launcher
from streams.processes import LocalPartError

DEBIAN = Path("/usr/lib/postgresql")
NEWEST = 15
"""Of the versions that Debian's pgBackRest 2.45 knows."""

STANZA = "headrace"
ARCHIVE_TIMEOUT_S = 300
"""A change waits this long for the archive, at most: the RPO."""

WRITABLE_S = 600.0
POLL_S = 0.05


def missing() -> str:
    """What has to be installed first; "" when everything is there."""
    if shutil.which("pgbackrest") is None or _binaries() is None:
        packages = f"pgbackrest postgresql-{NEWEST}"
        return f"Debian's {packages} are needed: run `apt-get install {packages}`"
    return ""


def _binaries() -> Path | None:
    found = [path.parent for path in DEBIAN.glob("*/bin/initdb") if int(path.parts[-3]) <= NEWEST]
    return max(found, default=None)


class ArchivedPostgres(LocalPostgres):
    """A server whose every change is archived. `wipe` takes its cluster away, `restore` brings it back."""

    name: ClassVar[str] = "PostgreSQL"
    locale: ClassVar[Sequence[str]] = ("--locale=C.UTF-8",)

    def back_up(self, kind: str = "full") -> None:
        """A whole backup, checked against the archive; the server runs meanwhile."""
        if not (self._repository / "backup").exists():
            self._backrest("stanza-create", "making the repository")
        self._backrest("backup", "backing up", f"--type={kind}", "--start-fast")

    def until_writable(self) -> None:
        """Return once a restored server has replayed what it wanted and takes writes. Raises TimeoutError."""
        end = time.monotonic() + WRITABLE_S
        with psycopg.connect(self.url, autocommit=True) as session:
            while session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
                if time.monotonic() > end:
                    raise TimeoutError(f"{self.name} still recovers after {WRITABLE_S:g} s")
                time.sleep(POLL_S)

    def wipe(self) -> None:
        """The disk is gone, but for the repository."""
        self.kill()
        shutil.rmtree(self.data_dir / "cluster")

    def restore(self, target: str) -> None:
        """The cluster as it was at a moment (PostgreSQL's text of it); start it then."""
        cluster = self.data_dir / "cluster"
        cluster.mkdir(mode=0o700)
        self._own(cluster)
        options = ["--type=time", f"--target={target}", "--target-action=promote"]
        self._backrest("restore", "restoring", *options)

    def amcheck(self) -> None:
        """Raises LocalPartError where a table or an index is broken."""
        where = [f"--host={self._sockets}", f"--port={self.port}", f"--username={ROLE}"]
        options = ["--install-missing", "--heapallindexed", DATABASE]
        self._run_tool("looking for broken pages", [self._program("pg_amcheck"), *where, *options])

    def archived(self) -> float:
        """Switches the WAL and waits until all so far is archived; the age in s of the newest that was before."""
        with psycopg.connect(self.url, autocommit=True) as session:
            asked = session.execute(
                "SELECT extract(epoch FROM now() - coalesce(last_archived_time, now())) FROM pg_stat_archiver"
            ).fetchone()
            switched = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
            assert asked is not None and switched is not None
            session.execute(
                "DO $$ BEGIN FOR i IN 1..600 LOOP "
                "PERFORM pg_stat_clear_snapshot(); "
                f"EXIT WHEN (SELECT last_archived_wal >= '{switched[0]}' FROM pg_stat_archiver); "
                "PERFORM pg_sleep(0.1); END LOOP; END $$"
            )
        return float(asked[0])

    @property
    def repository_bytes(self) -> int:
        """Of backups and archive."""
        return sum(file.stat().st_size for file in self._repository.rglob("*") if file.is_file())

    def is_encrypted(self) -> bool:
        """Whether each file of the repository begins as what OpenSSL has encrypted."""
        files = [file for file in self._repository.rglob("*") if file.is_file()]
        return bool(files) and all(file.read_bytes()[:8] == b"Salted__" for file in files)

    @property
    def _repository(self) -> Path:
        return self.data_dir / "repository"

    @property
    def _sockets(self) -> Path:
        return self.data_dir

    def _prepare(self) -> None:
        super()._prepare()
        self._own(self.data_dir)  # it makes its socket there
        if not self._repository.exists():
            self._repository.mkdir(mode=0o700)
            self._own(self._repository)
            self._write("pgbackrest.conf", self._configuration())
            self._write("pgpass", f"*:*:*:{ROLE}:{(self.data_dir / 'password').read_text()}")

    def _write(self, name: str, text: str) -> None:
        """A file with a secret in it."""
        file = self.data_dir / name
        file.touch(mode=0o600)
        file.write_text(text)
        self._own(file)

    def _own(self, path: Path) -> None:
        if self._user() != launcher.KEEP_USER:
            shutil.chown(path, self._user(), self._user())

    def _configuration(self) -> str:
        return f"""[global]
repo1-path={self._repository}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={secrets.token_urlsafe(32)}
repo1-retention-full=2
compress-type=lz4
lock-path={self.data_dir}
log-level-file=off
log-level-console=warn
[{STANZA}]
pg1-path={self.data_dir / "cluster"}
pg1-socket-path={self._sockets}
pg1-user={ROLE}
pg1-database=postgres
"""

    def _settings(self) -> Mapping[str, str]:
        known = {name: value for name, value in POSTGRES_SETTINGS.items() if name != "io_method"}
        return known | {
            "unix_socket_directories": str(self._sockets),
            "archive_mode": "on",
            "archive_command": f"pgbackrest --config={self.data_dir}/pgbackrest.conf --stanza={STANZA} archive-push %p",
            "archive_timeout": str(ARCHIVE_TIMEOUT_S),
            "fsync": "on",
        }

    def _program(self, name: str) -> str:
        binaries = _binaries()
        if binaries is None:
            raise LocalPartError(self.name, missing())
        return str(binaries / name)

    def _environment(self) -> Mapping[str, str]:
        return {"PGPASSFILE": str(self.data_dir / "pgpass")}

    def _backrest(self, command: str, what: str, *options: str) -> None:
        found = shutil.which("pgbackrest")
        if found is None:
            raise LocalPartError(self.name, missing())
        port = [f"--pg1-port={self.port}"] if command != "restore" else []
        config = f"--config={self.data_dir / 'pgbackrest.conf'}"
        self._run_tool(what, [found, config, f"--stanza={STANZA}", *port, *options, command])
