"""What is rendered into `docs/` is what the code says today."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.documents.__main__ import stale, write
from streams.topics import BY_NAME

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_rendered_documents_are_those_committed() -> None:
    assert stale(DOCS) == [], "run `make docs`"


def test_what_is_not_as_the_code_says_is_named_and_mended(tmp_path: Path) -> None:
    missing, other, gone = "schemas/Fill.json", "trading.md", "schemas/Gone.json"
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / missing).unlink()
    (tmp_path / other).write_text("")
    (tmp_path / gone).touch()
    assert stale(tmp_path) == sorted((missing, other, gone))
    write(tmp_path)
    assert stale(tmp_path) == []


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    whole = json.loads((DOCS / "asyncapi.json").read_text())
    found = list(_references(whole))
    assert len(found) > 50
    for reference in found:
        file, _, path = reference.partition("#")
        tree = json.loads((DOCS / file).read_text()) if file else whole
        for step in path.split("/")[1:]:
            tree = tree[step]
    assert whole["channels"].keys() == BY_NAME.keys()


def _references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for part in tree.values():
            yield from _references(part)
