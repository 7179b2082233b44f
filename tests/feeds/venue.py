"""A venue on loopback that plays a script to each connection, for the tests of WebSocket feeds."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from websockets.asyncio.server import ServerConnection, serve

Step: TypeAlias = str | bytes | float | None
"""A frame to send, seconds to wait, or None: close the connection."""


@dataclass
class Venue:
    """scripts: one a connection, in their order; the last is played to every later one. After a script: silence.

    awaited: requests of a client before its script begins.
    """

    scripts: Sequence[Sequence[Step]]
    awaited: int = 2
    requests: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, socket: ServerConnection) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        for _ in range(self.awaited):
            self.requests.append(json.loads(await socket.recv()))
        for step in script:
            if step is None:
                await socket.close()
                return
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                await socket.send(step)
        await socket.wait_closed()


@asynccontextmanager
async def venue(*scripts: Sequence[Step], awaited: int = 2) -> AsyncIterator[Venue]:
    """A listening venue on a free port."""
    playing = Venue(scripts, awaited)
    async with serve(playing.serve, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        playing.url = f"ws://{host}:{port}/v2"
        yield playing
