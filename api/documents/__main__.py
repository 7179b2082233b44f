"""`make docs`: writes every rendered document below `docs/`, and removes schemas of messages that are gone.

`make check` asks with `--check` whether they are what the code says.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.documents import asyncapi, openapi, schemas, trading

DOCS = Path("docs")


def documents() -> dict[str, str]:
    """Path below `docs/` -> text, of everything that is rendered, whole or in parts."""
    found = {f"schemas/{name}.json": schema for name, schema in schemas.all_schemas().items()}
    found |= {"asyncapi.json": asyncapi.document(), "openapi.json": openapi.document()}
    whole = {path: text(content) for path, content in found.items()}
    return whole | {trading.PAGE.name: trading.rendered(trading.PAGE.read_text())}


def text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write(docs: Path) -> None:
    """Make the files below this folder equal to the code."""
    rendered = documents()
    (docs / "schemas").mkdir(parents=True, exist_ok=True)
    for gone in _schemas(docs) - rendered.keys():
        (docs / gone).unlink()
    for path, content in rendered.items():
        (docs / path).write_text(content)


def stale(docs: Path) -> list[str]:
    """The files below this folder that are not what the code says, or that it no longer renders."""
    rendered = documents()
    old = [p for p, content in rendered.items() if not _says(docs / p, content)]
    return sorted({*old, *(_schemas(docs) - rendered.keys())})


def _says(file: Path, content: str) -> bool:
    return file.exists() and file.read_text() == content


def _schemas(docs: Path) -> set[str]:
    return {f"schemas/{file.name}" for file in docs.glob("schemas/*.json")}


def main(arguments: Sequence[str]) -> int:
    """Write them, or with `--check` name those that are stale and exit with 1."""
    if "--check" not in arguments:
        write(DOCS)
        return 0
    found = stale(DOCS)
    if found:
        print("run `make docs`:", *found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
