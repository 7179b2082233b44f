"""Manifests made of the catalogue: a KafkaTopic a topic, a KafkaUser a principal, a lag trigger an input of the engine.

`headrace topics render` writes them; they are committed, and a test compares.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.routes import routes
from streams import acl, admin
from streams.topics import CATALOGUE, Topic

HEADER = "# Rendered by `headrace topics render`.\n"
REPLICAS, IN_SYNC_MIN = 3, 2
LAG_OF_TWO_SECONDS = "20000"
"""At 10,000 events/s; the scaler sees the high watermark, so each partition idles at a lag of about one marker."""

WORKERS_MIN = 2


def rendered(partitions: int, app: str) -> dict[Path, str]:
    """Path below `k8s/base` -> text of every rendered file."""
    files: dict[Path, str] = {}
    topics = {_object_name(topic): kafka_topic(topic, partitions) for topic in CATALOGUE}
    users = {user["metadata"]["name"]: _with_password(user) for user in acl.kafka_users(app)}
    for folder, objects in (("kafka/topics", topics), ("kafka/users", users)):
        for name, manifest in objects.items():
            files[Path(folder, f"{name}.yaml")] = document(manifest)
        files[Path(folder, "kustomization.yaml")] = document(_kustomization(sorted(objects)))
    files[Path("worker/scaled-object.yaml")] = document(scaled_object(partitions, app))
    return files


def write(directory: Path, partitions: int, app: str) -> list[Path]:
    """Write the files and remove those of topics and users that are gone; the paths that changed."""
    files = {directory / path: text for path, text in rendered(partitions, app).items()}
    rendered_folders = {path.parent for path in files if path.parent.parent.name == "kafka"}
    gone = {path for folder in rendered_folders for path in folder.glob("*.yaml")} - files.keys()
    changed = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    for path in gone:
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
    return sorted([*changed, *gone])


def kafka_topic(topic: Topic, partitions: int) -> dict[str, Any]:
    """A topic for the Strimzi operator; an object's name may have no capitals, so dots become dashes there."""
    name = _object_name(topic)
    config = admin.configuration(topic, embedded=False)
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": acl.CLUSTER}},
        "spec": {
            **({} if name == topic.name else {"topicName": topic.name}),
            "partitions": topic.partitions(partitions),
            "replicas": REPLICAS,
            "config": {**config, "min.insync.replicas": str(IN_SYNC_MIN)},
        },
    }


def scaled_object(partitions: int, app: str) -> dict[str, Any]:
    """As many workers as the lag of the engine's inputs wants, never more than partitions."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "worker"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "worker"},
            "minReplicaCount": WORKERS_MIN,
            "maxReplicaCount": partitions,
            "pollingInterval": 15,
            "fallback": {"failureThreshold": 4, "replicas": 3},
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        "scaleDown": {
                            "stabilizationWindowSeconds": 600,
                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
                        }
                    }
                }
            },
            "triggers": [_trigger(name, app) for name in engine_inputs()],
        },
    }


def engine_inputs() -> list[str]:
    """The topics whose lag says how far the engine is behind; broadcast ones are read by every worker."""
    groups = routes(1, 1, "none")
    sources = (source for group in groups for source in group.inputs)
    return sorted({source.topic.name for source in sources if not source.broadcast})


def document(manifest: Mapping[str, Any]) -> str:
    """YAML of an object: blocks of mappings and lists, every text in quotes."""
    return HEADER + "\n".join(_lines(manifest)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    items = value.items() if isinstance(value, Mapping) else ((None, item) for item in value)
    for key, item in items:
        head = "-" if key is None else f"{key}:"
        if not isinstance(item, Mapping | list) or not item:
            yield f"{head} {json.dumps(item)}"
            continue
        first = key is None  # a list's item begins beside its dash
        if not first:
            yield head
        for line in _lines(item):
            yield f"{'-' if first else ' '} {line}"
            first = False


def _object_name(topic: Topic) -> str:
    return topic.name.replace(".", "-")


def _kustomization(names: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{name}.yaml" for name in names],
    }


def _with_password(user: dict[str, Any]) -> dict[str, Any]:
    """The password comes from the vault, so that it is rotated there like every other."""
    reference = {"name": f"kafka-{user['metadata']['name']}", "key": "password"}
    password = {"valueFrom": {"secretKeyRef": reference}}
    spec = user["spec"]
    return {
        **user,
        "spec": {**spec, "authentication": {**spec["authentication"], "password": password}},
    }


def _trigger(topic: str, app: str) -> dict[str, Any]:
    return {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": f"{acl.CLUSTER}-kafka-bootstrap:9093",
            "consumerGroup": app,
            "topic": topic,
            "lagThreshold": LAG_OF_TWO_SECONDS,
            "offsetResetPolicy": "earliest",
            "ensureEvenDistributionOfPartitions": "true",
        },
        "authenticationRef": {"name": "kafka"},
    }
