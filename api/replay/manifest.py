"""What a replay reads and with what it trades, settled once: the same manifest gives the same bytes."""

from pathlib import Path
from typing import TypeVar

import msgspec

from api.ending import Ended
from streams.exits import Exit
from streams.predictions import Alias, ModelVersion

FILE = "manifest.json"
Kept = TypeVar("Kept")


class Range(msgspec.Struct, frozen=True):
    """Offsets [start, end) of one partition."""

    topic: str
    partition: int
    start: int
    end: int


class Manifest(msgspec.Struct, frozen=True):
    """One what-if run.

    brokers, ranges: of a log; history: these ranges are read from the history database; or path: of files with market
    data. since_ms, until_ms: event time [since, until), None:
    without that bound. symbols: these alone, all when empty. account: that the strategy trades; paper: of files, whose
    accounts are made for the replay, the name before the currency. limits, costs: fields that replace those of the
    records on `control`. versions, aliases: of the registry, what serves from when on. seal: source records of a chunk.
    every_ms: between two points of the curves.
    """

    run: str
    partitions: int
    generation: int
    brokers: str = ""
    history: bool = False
    ranges: tuple[Range, ...] = ()
    path: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    symbols: tuple[str, ...] = ()
    strategy: str = "none"
    params: dict[str, str] = {}
    account: str = "paper"
    paper: str = "paper"
    limits: dict[str, str | int] = {}
    costs: dict[str, int] = {}
    versions: tuple[ModelVersion, ...] = ()
    aliases: tuple[Alias, ...] = ()
    seal: int = 5_000
    every_ms: int = 1_000


class Ending(msgspec.Struct):
    """How far a run has come: its records, whether it is done, and the hash of each topic partition."""

    sources: int
    done: bool
    sha256: dict[str, str]


def write(directory: Path, manifest: Manifest) -> None:
    """Keep a manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    put(directory / FILE, manifest)


def read(directory: Path) -> Manifest | None:
    """The manifest of a run; None where there is none."""
    return get(directory / FILE, Manifest)


def put(path: Path, content: object) -> None:
    """Write a file whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    partial = path.with_suffix(".partial")
    partial.write_bytes(text + b"\n")
    partial.replace(path)


def get(path: Path, kind: type[Kept]) -> Kept | None:
    """What `put` wrote there; None where there is no file. Raises Ended for another's."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise Ended(Exit.REFUSED, f"{path} cannot be read: {error}") from error
