"""The topics as an AsyncAPI 3 document: a channel a topic, an operation for each group that reads or writes it."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from agents import flow
from api.documents.schemas import name_of, of_topic
from streams.admin import configuration
from streams.topics import CATALOGUE, Topic

KEYS = {
    "symbol": "symbol of the instrument",
    "account": "account",
    "model": "model, and in the registry its version, as `up1s.micro.all` or `up1s.micro.all@v0123456789ab`",
    "scope": "kind and name of what the record is about, such as `limits:paper`",
    "table": "table and row",
    "origin": "topic and partition of the record it is about",
    "group": "route group",
}
PARTITIONS = {
    "symbol": "HEADRACE_PARTITIONS, murmur2 of the key, equal for all topics keyed by symbol",
    "account": "HEADRACE_PARTITIONS, murmur2 of the key, equal for all topics keyed by account",
    "broadcast": "one; read in full by every cell",
    "single": "HEADRACE_PARTITIONS",
}
STAMP = {
    "type": "object",
    "properties": {
        "stamp": {
            "type": "string",
            "description": "topic:partition:offset of the cause, step, index, count and epoch, joined by colons; "
            "on records that the engine writes.",
        }
    },
}


def document() -> dict[str, Any]:
    """The whole document; equal code makes an equal one."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headrace",
            "version": version("headrace"),
            "description": "Every topic of the engine. Values are JSON; unknown fields are ignored by the engine's own "
            "readers, and refused on `orders` and `control`, where people and foreign programs write.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE},
        "operations": dict(_operations()),
        "components": {"messages": {name_of(t): _message(t) for t in CATALOGUE if t.message}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    message = name_of(topic)
    settings: dict[str, Any] = configuration(topic, embedded=False)
    return {
        "address": topic.name,
        "description": f"Key: {KEYS[topic.key]}. Partitions: {PARTITIONS[topic.copartition]}."
        + ("" if message else " Rows of a group's tables, for restoring them; no contract."),
        "messages": {message: {"$ref": f"#/components/messages/{message}"}} if message else {},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": {
                    "cleanup.policy": [settings["cleanup.policy"]],
                    "retention.ms": int(settings["retention.ms"]),
                    "max.message.bytes": int(settings["max.message.bytes"]),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(topic: Topic) -> dict[str, Any]:
    name = name_of(topic)
    about = str(of_topic(topic.name)["description"])
    return {
        "name": name,
        "summary": about.split("\n\n")[0],
        "contentType": "application/json",
        "headers": STAMP,
        # The newest dialect that AsyncAPI's tools know; what draft 7 lacks (prefixItems) they pass over.
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-07",
            "schema": {"$ref": f"./schemas/{name}.json"},
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": KEYS[topic.key]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for group in flow.whole():
        for source in group.inputs:
            yield f"{group.name}.reads.{source.topic.name}", _operation("receive", source.topic)
        for topic in group.outputs:
            yield f"{group.name}.writes.{topic.name}", _operation("send", topic)


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}}
