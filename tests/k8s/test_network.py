"""The network policies allow the flows of the architecture and no other."""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.k8s.objects import PROFILES, Object, of_kind, pods, selects

Flow = tuple[str, str, int]
"""From, to, port; of another namespace as namespace/pod."""

OUTSIDE: dict[tuple[str, str], dict[str, str]] = {
    ("kube-system", "dns"): {"k8s-app": "kube-dns"},
    ("keda", "operator"): {"app": "keda-operator"},
    ("strimzi", "operator"): {"name": "strimzi-cluster-operator"},
    ("cnpg-system", "operator"): {"app.kubernetes.io/name": "cloudnative-pg"},
    ("ingress-nginx", "controller"): {"app.kubernetes.io/name": "ingress-nginx"},
    ("monitoring", "prometheus"): {"app.kubernetes.io/name": "prometheus"},
    ("object-store", "store"): {"app.kubernetes.io/name": "object-store"},
    ("egress", "proxy"): {"app.kubernetes.io/name": "proxy"},
    ("elsewhere", "stranger"): {"app.kubernetes.io/name": "prometheus"},
}
KUBE_API = "kube-api"

KAFKA = ("brokers", "controllers")
CLIENTS = (
    "worker",
    "learner-heavy",
    "sink-history",
    "sink-features",
    "api",
    "control-api",
    "feed-kraken",
)
READERS = ("api", "control-api")
WANTED: set[Flow] = {
    *product(CLIENTS, KAFKA, (9093,)),
    *product(("keda/operator",), KAFKA, (9093,)),
    *product(KAFKA, KAFKA, (8443, 9090, 9091, 9093)),
    *product(("entity-operator",), KAFKA, (9091,)),
    *product(("strimzi/operator",), KAFKA, (8443, 9090, 9091, 9093)),
    *product(
        ("worker", "learner-heavy", "sink-history", "sink-features", *READERS),
        ("history",),
        (5432,),
    ),
    *product(("history", "cnpg-system/operator"), ("history",), (5432, 8000)),
    ("history", "object-store/store", 9000),
    *product(("sink-history", "sink-features", *READERS), ("latest",), (6379,)),
    *product(READERS, ("worker", "sink-history"), (8001,)),
    *product(("ingress-nginx/controller",), READERS, (8000,)),
    *product(("monitoring/prometheus",), CLIENTS, (8001,)),
    *product(("monitoring/prometheus",), KAFKA, (9404,)),
    ("monitoring/prometheus", "history", 9187),
    ("feed-kraken", "egress/proxy", 3128),
    *product(("entity-operator", "history"), (KUBE_API,), (443, 6443)),
}
JOBS: dict[str, set[Flow]] = {
    job: {*product((job,), KAFKA, (9093,)), (job, "history", 5432)}
    for job in ("train", "promote", "history-check", "parity")
} | {job: {(job, "history", 5432)} for job in ("quality", "roles", "registry-backup", "audit-head")}
JOBS["parity"].add(("parity", "latest", 6379))
"""What each job reaches; nobody reaches a job."""


def everybody(profile: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Name -> namespace, labels; "" is ours."""
    ours = {pod.name: ("", pod.labels) for pod in pods(profile)}
    return ours | {f"{ns}/{name}": (ns, labels) for (ns, name), labels in OUTSIDE.items()}


def taken(peer: Object, profile: str) -> Iterator[str]:
    """Who a peer of a rule stands for."""
    assert peer, "an empty peer is everybody"
    if "ipBlock" in peer:
        assert peer["ipBlock"]["cidr"].endswith("/32"), "one address"
        yield KUBE_API
        return
    wanted = (
        peer.get("namespaceSelector", {})
        .get("matchLabels", {})
        .get("kubernetes.io/metadata.name", "")
    )
    assert "podSelector" in peer and ("namespaceSelector" not in peer or wanted)
    for name, (namespace, labels) in everybody(profile).items():
        if namespace == wanted and selects(peer["podSelector"], labels):
            yield name


def one_sided(profile: str, side: str) -> set[Flow]:
    """What the rules of one side alone let pass."""
    found: set[Flow] = set()
    for policy in of_kind(profile, "NetworkPolicy"):
        spec = policy["spec"]
        own = [pod.name for pod in pods(profile) if selects(spec["podSelector"], pod.labels)]
        assert own, f"{policy['metadata']['name']} selects nobody"
        for rule in spec.get(side, []):
            peers = rule["from" if side == "ingress" else "to"]
            ports = [port["port"] for port in rule["ports"]]
            others = [name for peer in peers for name in taken(peer, profile)]
            assert others, f"{policy['metadata']['name']} lets nobody"
            pairs = product(others, own) if side == "ingress" else product(own, others)
            found |= {(source, target, port) for (source, target), port in product(pairs, ports)}
    return found


def flows(profile: str) -> set[Flow]:
    """What can pass: within the namespace both sides must agree."""
    ingress, egress = one_sided(profile, "ingress"), one_sided(profile, "egress")
    inside = ingress & egress
    return {
        *inside,
        *(flow for flow in ingress if "/" in flow[0]),
        *(flow for flow in egress if "/" in flow[1] or flow[1] == KUBE_API),
    }


def is_dns(flow: Flow) -> bool:
    return flow[1:] == ("kube-system/dns", 53)


@pytest.mark.parametrize("profile", PROFILES)
def test_exactly_the_flows_of_the_architecture_pass(profile: str) -> None:
    jobs = {p.name for p in pods(profile) if p.maker.startswith("CronJob")}
    passing = {flow for flow in flows(profile) if not is_dns(flow) and flow[0] not in jobs}
    assert passing == WANTED
    for job in jobs:
        assert {f for f in flows(profile) if f[0] == job and not is_dns(f)} == JOBS[job], job


@pytest.mark.parametrize("profile", PROFILES)
def test_no_rule_waits_for_its_other_side(profile: str) -> None:
    ingress, egress = one_sided(profile, "ingress"), one_sided(profile, "egress")
    inside = [f for f in ingress ^ egress if "/" not in f[0] + f[1] and f[1] != KUBE_API]
    served = {(pod.name, port) for pod in pods(profile) for port in pod.ports}
    assert [f for f in inside if f[1:] in served and f[0] != "entity-operator"] == []


def test_everybody_may_ask_for_names() -> None:
    asking = {flow[0] for flow in flows("production") if is_dns(flow)}
    assert asking == {pod.name for pod in pods("production")}


def test_by_default_nothing_passes() -> None:
    (deny,) = [
        p for p in of_kind("production", "NetworkPolicy") if p["metadata"]["name"] == "default-deny"
    ]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_same_labels_in_another_namespace_open_nothing() -> None:
    assert not any("elsewhere" in flow[0] + flow[1] for flow in flows("production"))


def test_the_ops_port_is_no_ones_but_the_apis_and_prometheus() -> None:
    asking = {flow[0] for flow in flows("production") if flow[2] == 8001}
    assert asking == {"api", "control-api", "monitoring/prometheus"}
