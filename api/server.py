"""Serves the API: uvicorn that waits for no one's headers long, ends its streams on a stop, and tells no version."""

import asyncio
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
HEADERS_S = 10.0
KEEP_ALIVE_S = 5
GRACE_S = 20


class Patient(H11Protocol):
    """Closes a connection whose first request has not arrived within ten seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEADERS_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self.scope is None:
            self.transport.close()


class Server(uvicorn.Server):
    """Tells the live stream to end when the process is told to; otherwise a stop would wait for its clients."""

    def __init__(self, app: Starlette, port: int, host: str = HOST, forwarded: str = "") -> None:
        """forwarded: addresses of proxies whose X-Forwarded-For counts, comma separated."""
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=Patient,
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(forwarded),
                forwarded_allow_ips=forwarded or None,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._hub = app.state.hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.closing.set()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """End as if told by a signal."""
        self._hub.closing.set()
        self.should_exit = True
