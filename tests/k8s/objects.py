"""What kustomize makes of an overlay, and the pods that come of it: ours, and those that operators make."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support import tools

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
BUILT = ROOT / "build" / "ops" / "bin"
PROFILES = ("simulation", "staging", "production")
BUILT_IN = {"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1"}
"""API versions that a cluster has without an operator."""

NAME = "app.kubernetes.io/name"

Object = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """Pods of one workload. maker: the object that makes them; count: at most so many; spec: {} where an operator's."""

    maker: str
    labels: dict[str, str]
    count: int
    spec: Object = field(default_factory=dict)
    ports: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.maker.partition("/")[2]

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]


def tool(name: str) -> str:
    """Where a tool is that `make ops` installs; without it the test is skipped, or fails where CI runs."""
    return tools.tool(name, "make ops", f"{BUILT}{os.pathsep}{os.environ.get('PATH', '')}")


@cache
def text(profile: str) -> str:
    """The manifests of an overlay, as kustomize builds them."""
    command = [tool("kustomize"), "build", str(K8S / "overlays" / profile)]
    return str(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@cache
def built(profile: str) -> tuple[Object, ...]:
    """The objects of an overlay."""
    return tuple(yaml.load_all(text(profile), Loader=yaml.CSafeLoader))


def of_kind(profile: str, *kinds: str) -> list[Object]:
    """Those of these kinds."""
    return [found for found in built(profile) if found["kind"] in kinds]


def one(profile: str, kind: str, name: str) -> Object:
    """The one of this kind and name."""
    (found,) = [o for o in of_kind(profile, kind) if o["metadata"]["name"] == name]
    return found


def own_pods(profile: str) -> list[Pod]:
    """The pods whose whole description is ours."""
    return [
        Pod(
            f"{workload['kind']}/{workload['metadata']['name']}",
            template["metadata"]["labels"],
            _count(profile, workload),
            template["spec"],
            tuple(_ports(template["spec"])),
        )
        for workload in of_kind(profile, "Deployment", "StatefulSet", "CronJob")
        for template in [_template(workload)]
    ]


def operators_pods(profile: str) -> list[Pod]:
    """The pods that Strimzi and CloudNativePG make of our objects, with the labels that they give."""
    kafka, history = one(profile, "Kafka", "headrace"), one(profile, "Cluster", "history")
    cluster = {"strimzi.io/cluster": "headrace"}
    pools = [
        Pod(
            f"KafkaNodePool/{pool['metadata']['name']}",
            {
                **cluster,
                "strimzi.io/name": "headrace-kafka",
                "strimzi.io/pool-name": pool["metadata"]["name"],
            },
            pool["spec"]["replicas"],
            ports=(8443, 9090, 9091, 9093, 9404),
        )
        for pool in of_kind(profile, "KafkaNodePool")
    ]
    entity = kafka["spec"]["entityOperator"]["template"]["pod"]["metadata"]["labels"]
    inherited = history["spec"]["inheritedMetadata"]["labels"]
    return [
        *pools,
        Pod(
            "Kafka/entity-operator",
            {**cluster, **entity, "strimzi.io/name": "headrace-entity-operator"},
            1,
        ),
        Pod(
            "Cluster/history",
            {**inherited, "cnpg.io/cluster": "history"},
            history["spec"]["instances"],
            ports=(5432, 8000, 9187),
        ),
    ]


def pods(profile: str) -> list[Pod]:
    """All pods of the namespace."""
    return [*own_pods(profile), *operators_pods(profile)]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector takes these labels; an empty one takes all."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_expression(e, labels) for e in selector.get("matchExpressions", []))


def settings_of(profile: str, pod: Pod) -> dict[str, str]:
    """The variables of a pod's first container: its own, and those of the ConfigMaps that it takes whole."""
    container = pod.containers[-1]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= one(profile, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value") or _field(profile, variable, pod)
    return found


def _field(profile: str, variable: Object, pod: Pod) -> str:
    path = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
    namespace = of_kind(profile, "Namespace")[0]["metadata"]["name"]
    known: dict[str, str] = {"metadata.name": f"{pod.name}-0", "metadata.namespace": namespace}
    return known.get(path, "")


def _expression(expression: Object, labels: dict[str, str]) -> bool:
    assert expression["operator"] == "In", expression
    return labels.get(expression["key"]) in expression["values"]


def _template(workload: Object) -> Object:
    spec = workload["spec"]
    template: Object = (
        spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    )
    return template


def _count(profile: str, workload: Object) -> int:
    name = workload["metadata"]["name"]
    for scaler in of_kind(profile, "ScaledObject", "HorizontalPodAutoscaler"):
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            return int(scaler["spec"].get("maxReplicaCount") or scaler["spec"]["maxReplicas"])
    return int(workload["spec"].get("replicas", 1))


def _ports(spec: Object) -> Iterator[int]:
    for container in spec["containers"]:
        for port in container.get("ports", []):
            yield port["containerPort"]
