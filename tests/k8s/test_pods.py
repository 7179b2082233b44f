"""Every pod: the restricted standard, probes that ask routes there are, sizes that a quota has room for."""

import re
from decimal import Decimal
from typing import Any

import pytest

from agents.ops import Probes
from api.cli import COMMANDS
from tests.k8s.objects import (
    NAME,
    PROFILES,
    Object,
    Pod,
    of_kind,
    one,
    operators_pods,
    own_pods,
    pods,
    selects,
)

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
ALLOWED_VOLUMES = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim"}
UNITS: dict[str, Decimal | int] = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "m": Decimal("0.001"),
    "": 1,
}


def each() -> list[Any]:
    return [
        pytest.param(name, id=name)
        for name in (
            "worker",
            "learner-heavy",
            "api",
            "control-api",
            "sink-history",
            "sink-features",
            "feed-kraken",
            "latest",
        )
    ]


def pod(name: str, profile: str = "production") -> Pod:
    (found,) = [p for p in own_pods(profile) if p.name == name]
    return found


def test_every_pod_is_looked_at() -> None:
    services = {p.name for p in own_pods("production") if not p.maker.startswith("CronJob")}
    assert services == {param.values[0] for param in each()}


def refusals_of_the_restricted_standard(spec: Object) -> list[str]:
    """What the Pod Security Standard "restricted" holds against a pod, by field."""
    found = [f"host: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [
        f"volume {v['name']}" for v in spec.get("volumes", []) if not ALLOWED_VOLUMES & v.keys()
    ]
    whole = spec.get("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        own = {**whole, **container.get("securityContext", {})}
        held = {
            "runAsNonRoot": own.get("runAsNonRoot") is True,
            "runAsUser": own.get("runAsUser", 0) != 0,
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "seccompProfile": own.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
        }
        found += [f"{container['name']}: {name}" for name, ok in held.items() if not ok]
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_meets_the_restricted_standard_and_more(profile: str) -> None:
    for found in own_pods(profile):
        spec = found.spec
        assert refusals_of_the_restricted_standard(spec) == [], found.maker
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, (
            "a Service named headrace-... would set our variables"
        )
        for container in found.containers:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert "/tmp" in mounts
            assert DIGEST.search(container["image"]), container["image"]


def test_the_standard_is_one_that_can_be_failed() -> None:
    bare = {
        "containers": [{"name": "bare"}],
        "hostNetwork": True,
        "volumes": [{"name": "v", "hostPath": {}}],
    }
    assert len(refusals_of_the_restricted_standard(bare)) == 7


@pytest.mark.parametrize("name", each())
def test_probes_ask_ports_and_routes_that_there_are(name: str) -> None:
    container = pod(name).containers[0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    answering = Probes(lambda accept: (b"", ""), dict, {"ok": lambda: True}, {"ok": lambda: True})
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]
        for way in ("httpGet", "tcpSocket"):
            if way in asked:
                assert asked[way]["port"] in ports and "host" not in asked[way]
        if "httpGet" in asked:
            assert ports[asked["httpGet"]["port"]] == 8001
            assert answering.answer(asked["httpGet"]["path"], "")[0] == 200
    assert container["livenessProbe"] != container["readinessProbe"]


def test_probes_of_the_worker_wait_as_long_as_a_restore_may_take() -> None:
    worker = pod("worker").containers[0]
    times = {
        name: (
            worker[name]["httpGet"]["path"],
            worker[name]["periodSeconds"],
            worker[name]["failureThreshold"],
        )
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert times == {
        "startupProbe": ("/startupz", 10, 60),
        "livenessProbe": ("/livez", 10, 3),
        "readinessProbe": ("/readyz", 5, 2),
    }


def test_ports_are_those_of_the_settings() -> None:
    config = next(
        o["data"]
        for o in of_kind("production", "ConfigMap")
        if o["metadata"]["name"].startswith("settings")
    )
    named = {"http": int(config["HEADRACE_API_PORT"]), "ops": int(config["HEADRACE_OPS_PORT"])}
    for found in own_pods("production"):
        for port in found.containers[0].get("ports", []):
            assert named.get(port["name"], port["containerPort"]) == port["containerPort"]


def test_every_container_of_ours_runs_a_command_that_there_is() -> None:
    for found in own_pods("production"):
        container = found.containers[0]
        if "registry.invalid/headrace" in container["image"]:
            assert container["args"][0] in COMMANDS, found.maker


@pytest.mark.parametrize("profile", PROFILES)
def test_services_budgets_and_monitors_hit_pods_of_one_workload_and_their_ports(
    profile: str,
) -> None:
    everything = pods(profile)
    for service in of_kind(profile, "Service"):
        hit = [p for p in everything if service["spec"]["selector"].items() <= p.labels.items()]
        assert len(hit) == 1, service["metadata"]["name"]
        names = {port["name"] for port in hit[0].containers[0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    for budget in of_kind(profile, "PodDisruptionBudget"):
        hit = [
            p
            for p in everything
            if budget["spec"]["selector"]["matchLabels"].items() <= p.labels.items()
        ]
        assert [p.name for p in hit] == [budget["metadata"]["name"]]
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_process_of_ours_is_scraped_once(profile: str) -> None:
    services = {
        o["metadata"]["name"]: o["metadata"].get("labels", {}) for o in of_kind(profile, "Service")
    }
    scraped = [
        p.name
        for m in of_kind(profile, "PodMonitor")
        for p in own_pods(profile)
        if selects(m["spec"]["selector"], p.labels)
    ]
    scraped += [
        name
        for m in of_kind(profile, "ServiceMonitor")
        for name, labels in services.items()
        if selects(m["spec"]["selector"], labels)
    ]
    ours = [p.name for p in own_pods(profile) if 8001 in p.ports]
    assert sorted(scraped) == sorted(ours)


def test_replicas_are_as_the_profile_wants_them() -> None:
    def counts(profile: str) -> tuple[int, int, int]:
        brokers = one(profile, "KafkaNodePool", "brokers")["spec"]["replicas"]
        history = one(profile, "Cluster", "history")["spec"]["instances"]
        return brokers, history, one(profile, "ScaledObject", "worker")["spec"]["minReplicaCount"]

    assert [counts(p) for p in PROFILES] == [(1, 1, 1), (3, 2, 2), (3, 3, 3)]


@pytest.mark.parametrize("profile", PROFILES)
def test_workers_are_kedas_and_never_more_than_partitions(profile: str) -> None:
    worker = one(profile, "StatefulSet", "worker")
    scaled = one(profile, "ScaledObject", "worker")["spec"]
    config = next(
        o["data"]
        for o in of_kind(profile, "ConfigMap")
        if o["metadata"]["name"].startswith("settings")
    )
    assert "replicas" not in worker["spec"]
    assert "volumeClaimTemplates" not in worker["spec"]
    assert scaled["maxReplicaCount"] == int(config["HEADRACE_PARTITIONS"])
    assert {t["metadata"]["consumerGroup"] for t in scaled["triggers"]} == {config["HEADRACE_APP"]}
    assert {t["metadata"]["bootstrapServers"] for t in scaled["triggers"]} == {
        config["HEADRACE_BROKERS"]
    }
    for trigger in scaled["triggers"]:
        assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_lag_is_watched_of_topics_that_there_are_and_all_that_the_engine_commits() -> None:
    topics = {
        o["spec"].get("topicName", o["metadata"]["name"])
        for o in of_kind("production", "KafkaTopic")
    }
    triggers = one("production", "ScaledObject", "worker")["spec"]["triggers"]
    watched = {trigger["metadata"]["topic"] for trigger in triggers}
    assert watched <= topics
    assert {"market.quotes", "market.trades", "orders", "fills"} <= watched
    assert "control" not in watched


def test_spread_over_zones_where_possible_and_over_hosts_always() -> None:
    for name in ("worker", "api"):
        wanted = {
            c["topologyKey"]: c["whenUnsatisfiable"]
            for c in pod(name).spec["topologySpreadConstraints"]
        }
        assert wanted == {
            "topology.kubernetes.io/zone": "ScheduleAnyway",
            "kubernetes.io/hostname": "DoNotSchedule",
        }
        for constraint in pod(name).spec["topologySpreadConstraints"]:
            assert (
                constraint["labelSelector"]["matchLabels"][NAME] == name
                and constraint["maxSkew"] == 1
            )


def amount(quantity: object) -> Decimal:
    """A Kubernetes quantity as a number of cores or bytes."""
    found = re.fullmatch(r"([0-9.]+)([KMGT]i|m|)", str(quantity))
    assert found, quantity
    return Decimal(found[1]) * UNITS[found[2]]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_quota_has_room_for_every_pod_at_its_largest_count(profile: str) -> None:
    hard = of_kind(profile, "ResourceQuota")[0]["spec"]["hard"]
    wanted = [(p.count + 1, c["resources"]) for p in own_pods(profile) for c in p.containers]
    for pool in of_kind(profile, "KafkaNodePool", "Cluster"):
        spec = pool["spec"]
        wanted.append((spec.get("replicas", spec.get("instances")) + 1, spec["resources"]))
    entity = one(profile, "Kafka", "headrace")["spec"]["entityOperator"]
    wanted += [(1, entity[part]["resources"]) for part in ("topicOperator", "userOperator")]

    def total(side: str, of: str) -> Decimal:
        return sum((count * amount(r[side].get(of, 0)) for count, r in wanted), Decimal())

    assert total("requests", "cpu") <= amount(hard["requests.cpu"])
    assert total("requests", "memory") <= amount(hard["requests.memory"])
    assert total("limits", "memory") <= amount(hard["limits.memory"])
    assert sum(p.count + 1 for p in pods(profile)) <= int(hard["pods"])
    storage = [
        v["size"]
        for p in of_kind(profile, "KafkaNodePool")
        for v in p["spec"]["storage"]["volumes"] * p["spec"]["replicas"]
    ]
    database = one(profile, "Cluster", "history")["spec"]
    storage += [database["storage"]["size"], database["walStorage"]["size"]] * database["instances"]
    claims = of_kind(profile, "PersistentVolumeClaim")
    storage += [claim["spec"]["resources"]["requests"]["storage"] for claim in claims]
    storage += ["10Gi"]  # the latest state
    assert sum(map(amount, storage)) <= amount(hard["requests.storage"])
    assert len(storage) <= int(hard["persistentvolumeclaims"])


def test_memory_is_never_more_than_was_asked_for_and_no_cpu_is_throttled() -> None:
    for found in own_pods("production"):
        for container in found.containers:
            resources = container["resources"]
            assert resources["requests"]["memory"] == resources["limits"]["memory"], found.maker
            assert "cpu" not in resources["limits"] and "ephemeral-storage" in resources["limits"]


def test_operators_make_pods_too() -> None:
    assert {p.maker for p in operators_pods("production")} == {
        "KafkaNodePool/brokers", "KafkaNodePool/controllers", "Kafka/entity-operator", "Cluster/history",
    }  # fmt: skip
