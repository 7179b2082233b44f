"""Outputs of a run as files beside it, one JSON document a line: what `headrace train` and `models report` read."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from api.replay import manifest
from api.replay.whatif import Output

SIZES = "kept.json"
"""How far each file reached when the run was stopped."""


def path_of(directory: Path, topic: str) -> Path:
    """Where a topic's records are kept."""
    return directory / f"{topic}.jsonl"


class KeptOutputs:
    """The files of some topics, as a context. A run that is resumed goes on where it was stopped."""

    def __init__(self, directory: Path, names: Iterable[str], *, resumed: bool) -> None:
        self._directory = directory
        sizes = manifest.get(directory / SIZES, dict[str, int]) if resumed else None
        self._files: dict[str, BinaryIO] = {}
        for name in names:
            path = path_of(directory, name)
            path.touch()
            file = path.open("r+b")
            file.truncate((sizes or {}).get(name, 0))
            file.seek(0, 2)
            self._files[name] = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sizes = {name: file.tell() for name, file in self._files.items()}
        for file in self._files.values():
            file.close()
        manifest.put(self._directory / SIZES, sizes)

    async def take(self, outputs: Sequence[Output]) -> None:
        """Append what one batch has led to."""
        for stream, written in outputs:
            file = self._files.get(stream.topic)
            if file is not None and written.value is not None:
                file.write(written.value + b"\n")
