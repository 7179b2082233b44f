"""The batch versions of one process: loaded on a thread, so that neither the loop nor a start waits for them."""

import threading

from models.serving import Scorer, Unavailable
from streams.predictions import ModelVersion
from streams.settings import Settings


class LoadedScorers:
    """What was refused stays so; where the database does not answer it is asked again."""

    def __init__(self, settings: Settings, waits: bool = False) -> None:
        """waits: for a replay, whose time is not ours; to a worker a version is missing until it is loaded."""
        self._settings = settings
        self._waits = waits
        self._found: dict[str, Scorer | Unavailable] = {}

    def get(self, version: ModelVersion) -> Scorer | Unavailable:
        """The version ready to answer, or why it is not."""
        name = f"{version.model}@{version.version}:{version.signature}"
        if name not in self._found:
            self._found[name] = "model_missing"
            if self._waits:
                self._load(name, version)
            else:
                threading.Thread(target=self._load, args=(name, version), daemon=True).start()
        return self._found[name]

    def _load(self, name: str, version: ModelVersion) -> None:
        from agents import (
            loading,  # with NumPy and the database's client, which a start can do without
        )

        self._found[name] = loading.loaded(version, self._settings, patient=not self._waits)
