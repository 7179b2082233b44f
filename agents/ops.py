"""The ops port of a process: metrics, probes and status, served by a thread so that a loop that is stuck shows."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from agents.health import Checks, answer

log = logging.getLogger("headrace.ops")

HOST = "127.0.0.1"
TEXT = "text/plain; charset=utf-8"
REQUEST_TIMEOUT_S = 5


@dataclass(frozen=True)
class Probes:
    """What an ops port shows. exposition: the Accept header -> body and content type. All are called by its threads."""

    exposition: Callable[[str], tuple[bytes, str]]
    status: Callable[[], dict[str, Any]]
    live: Checks = field(default_factory=dict)
    ready: Checks = field(default_factory=dict)
    _started: set[str] = field(default_factory=set, init=False)

    def answer(self, target: str, accept: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a request target."""
        url = urlsplit(target)
        root, _, name = url.path.strip("/").partition("/")
        if root == "metrics" and not name:
            body, content_type = self.exposition(accept)
            return 200, content_type, body
        if root == "status" and not name:
            return 200, "application/json", msgspec.json.encode(self.status())
        if root in ("livez", "readyz"):
            return self._probe(self.live if root == "livez" else self.ready, name, url.query)
        if root == "startupz":
            return self._startup(name, url.query)
        return 404, TEXT, b"not found\n"

    def _startup(self, name: str, query: str) -> tuple[int, str, bytes]:
        """Ready once, started for ever: what is not ready later has not ceased to be started."""
        latched = {check: self._latched(check, holds) for check, holds in self.ready.items()}
        return self._probe(latched, name, query)

    def _latched(self, check: str, holds: Callable[[], bool]) -> Callable[[], bool]:
        def was() -> bool:
            if check not in self._started and holds():
                self._started.add(check)
            return check in self._started

        return was

    def _probe(self, checks: Checks, name: str, query: str) -> tuple[int, str, bytes]:
        given = parse_qs(query, keep_blank_values=True)
        if name:
            if name not in checks:
                return 404, TEXT, b"no such check\n"
            checks = {name: checks[name]}
        status, text = answer(checks, exclude=given.get("exclude", ()), verbose="verbose" in given)
        return status, TEXT, f"{text}\n".encode()


class OpsServer:
    """Serves the probes of a process on loopback from `start` to `stop`."""

    def __init__(self, probes: Probes, port: int = 0, host: str = HOST) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(probes))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            name="ops",
            kwargs={"poll_interval": 0.1},
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port it is bound to; a free one where 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(probes: Probes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S
        server_version = "headrace"
        sys_version = ""

        def do_GET(self) -> None:
            try:
                answered = probes.answer(self.path, self.headers.get("Accept", ""))
            except Exception:  # a probe must answer, whatever broke; the trace goes to the log
                log.exception("ops port could not answer %s", self.path)
                answered = 500, TEXT, b"internal error\n"
            self._send(*answered)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

        def _send(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

    return Handler
