"""Free loopback ports for the local parts, so that several engines and test runs share one machine."""

import secrets
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"

# A client that keeps connecting to a stopped server on an ephemeral port can be given that very port as its own and so
# take it; the ports below the kernel's range are never given to clients.
LOWEST_PORT = 15_000
HIGHEST_PORT = 32_000
TRIES_MAX = 200

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_handed_out: set[int] = set()


def free_port(preferred: int | None = None) -> int:
    """The preferred port where it is free, else a free one that this process was not given before."""
    if preferred is not None and is_free(preferred):
        return preferred
    highest = _highest_port()
    for _ in range(TRIES_MAX):
        port = LOWEST_PORT + secrets.randbelow(highest - LOWEST_PORT + 1)
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise OSError(f"no free port on {LOOPBACK} between {LOWEST_PORT} and {highest}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are only waiting to be forgotten is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _highest_port() -> int:
    if not _EPHEMERAL_RANGE.exists():
        return HIGHEST_PORT
    below = int(_EPHEMERAL_RANGE.read_text().split()[0]) - 1
    leaves_room = below >= LOWEST_PORT + TRIES_MAX
    return min(HIGHEST_PORT, below) if leaves_room else HIGHEST_PORT
