"""`make docs`: writes every rendered document below `docs/`, and removes schemas of messages that are gone."""

import json
import sys
from pathlib import Path
from typing import Any

from api.documents import asyncapi, openapi, schemas

DOCS = Path("docs")


def documents() -> dict[str, str]:
    """Path below `docs/` -> text, of everything that is rendered."""
    found = {f"schemas/{name}.json": schema for name, schema in schemas.all_schemas().items()}
    found |= {"asyncapi.json": asyncapi.document(), "openapi.json": openapi.document()}
    return {path: text(content) for path, content in found.items()}


def text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write(docs: Path) -> None:
    """Make the files below this folder equal to the code."""
    rendered = documents()
    (docs / "schemas").mkdir(parents=True, exist_ok=True)
    for stale in {*docs.glob("schemas/*.json")} - {docs / path for path in rendered}:
        stale.unlink()
    for path, content in rendered.items():
        (docs / path).write_text(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
