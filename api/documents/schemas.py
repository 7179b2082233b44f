"""JSON Schemas (2020-12) of every message, from the types that read and write it."""

from functools import cache
from typing import Any

import msgspec
from pydantic import TypeAdapter

from streams.topics import CATALOGUE, CONTROL, ORDERS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFS = "#/$defs/"
UNIONS = {ORDERS.name: "Command", CONTROL.name: "ControlRecord"}
"""Names for what foreign programs write: several models on one topic."""

ABOUT = {
    "Command": "What `orders` carries: exactly one of its models, told apart by `cmd`.",
    "ControlRecord": "What `control` carries: exactly one of its models, told apart by `kind`.",
}

Schema = dict[str, Any]


def name_of(topic: Topic) -> str:
    """The name of a topic's message; "" for a changelog, whose rows are the engine's own."""
    if topic.message is None:
        return ""
    return UNIONS.get(topic.name) or str(topic.message.__name__)


@cache
def of_topic(name: str) -> Schema:
    """The schema of a topic's message, with everything it refers to."""
    topic = next(topic for topic in CATALOGUE if topic.name == name)
    message = name_of(topic)
    schema = _of_models(topic.message) if topic.name in UNIONS else _of_struct(topic.message)
    about = ABOUT.get(message) or schema.get("description", "")
    return {"$schema": DIALECT, "title": message, **schema, "description": _flat(about)}


def all_schemas() -> dict[str, Schema]:
    """By message name, sorted."""
    found = {name_of(t): of_topic(t.name) for t in CATALOGUE if t.message is not None}
    return dict(sorted(found.items()))


def _of_struct(message: Any) -> Schema:
    """msgspec refers to everything by name; the message itself stands at the top."""
    _, definitions = msgspec.json.schema_components([message], ref_template=DEFS + "{name}")
    top = definitions.pop(message.__name__)
    return {**top, "$defs": _described(definitions)} if definitions else top


def _of_models(union: Any) -> Schema:
    schema = TypeAdapter(union).json_schema()
    return {**schema, "$defs": _described(schema.get("$defs", {}))}


def _described(definitions: dict[str, Schema]) -> dict[str, Schema]:
    return {
        name: {**schema, "description": _flat(schema["description"])}
        if "description" in schema
        else schema
        for name, schema in sorted(definitions.items())
    }


def _flat(docstring: str) -> str:
    """Paragraphs kept, line breaks and indents within them not."""
    paragraphs = docstring.replace("\r", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
