"""Bytes of every message that show each of its fields and each of its choices, made from schemas and by hand."""

from collections.abc import Iterator
from typing import Any

import msgspec

from api.documents.schemas import UNIONS, name_of
from streams import codec
from streams.topics import CATALOGUE, CONTROL, ORDERS
from tests.catalogue.foreign import COMMANDS, RECORDS

Schema = dict[str, Any]


def by_message() -> dict[str, list[bytes]]:
    """By message name: the least and the fullest message, and one for each further choice of its fields."""
    found = {
        name_of(t): of_struct(t.message) for t in CATALOGUE if t.message and t.name not in UNIONS
    }
    return found | {
        UNIONS[ORDERS.name]: [codec.encode(command) for command in COMMANDS],
        UNIONS[CONTROL.name]: [codec.encode(record) for record in RECORDS],
    }


def of_struct(message: Any) -> list[bytes]:
    """Samples of one struct, each as its writer encodes it."""
    _, definitions = msgspec.json.schema_components([message], ref_template="{name}")
    top = definitions[message.__name__]
    trees = [_value(top, definitions, pick=0, full=False)]
    trees += [_value(top, definitions, pick, full=True) for pick in range(_choices(definitions))]
    return [codec.encode(msgspec.convert(tree, message, strict=False)) for tree in trees]


def _choices(definitions: dict[str, Schema]) -> int:
    return max((len(enum) for schema in definitions.values() for enum in _enums(schema)), default=1)


def _enums(schema: Any) -> Iterator[list[Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        for part in schema.values():
            yield from _enums(part)


def _value(schema: Schema, definitions: dict[str, Schema], pick: int, *, full: bool) -> Any:
    def inner(part: Schema) -> Any:
        return _value(part, definitions, pick, full=full)

    match schema:
        case {"$ref": name}:
            return inner(definitions[name])
        case {"enum": choices}:
            return choices[pick % len(choices)]
        case {"anyOf": [*options]}:
            return inner(next(option for option in options if option != {"type": "null"}))
        case {"type": "object", "properties": properties}:
            names = properties if full else schema["required"]
            return {name: inner(properties[name]) for name in names}
        case {"type": "object"}:
            return {"name": inner(schema["additionalProperties"])}
        case {"type": "array", "prefixItems": items}:
            return [inner(item) for item in items[: None if full else schema["minItems"]]]
        case {"type": "array"}:
            return [inner(schema["items"])] if full else []
        case {"contentEncoding": "base64"}:
            return "AAEC"
    return {"string": "text", "integer": 7, "number": 0.5, "boolean": True}[schema["type"]]
