"""The key that signs versions: of whoever trains, and of whoever decides what serves."""

from pathlib import Path

from api.ending import Ended
from streams import secret
from streams.exits import Exit
from streams.settings import Settings


def key(settings: Settings) -> bytes:
    """The registry's key, empty where there is none. Raises Ended."""
    if not settings.registry_key_file:
        return b""
    try:
        return secret.read(Path(settings.registry_key_file)).encode()
    except secret.SecretRefused as refused:
        raise Ended(Exit.SETTINGS, f"HEADRACE_REGISTRY_KEY_FILE: {refused}") from refused
