"""`make docs`: writes the golden bytes of the present version; those of earlier versions are never touched."""

from pathlib import Path

from streams.topics import WIRE_VERSION
from tests.catalogue import samples

FOLDER = Path(__file__).parent / "golden"


def read(version: int) -> dict[str, list[bytes]]:
    """By message name: the golden bytes of a version, one message a line."""
    files = sorted((FOLDER / str(version)).glob("*.jsonl"))
    return {file.stem: file.read_bytes().splitlines() for file in files}


def write() -> None:
    folder = FOLDER / str(WIRE_VERSION)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.jsonl"):
        stale.unlink()
    for name, lines in samples.by_message().items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    write()
