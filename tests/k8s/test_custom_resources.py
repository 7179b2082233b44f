"""The fields of custom resources, and what they refer to."""

import copy
import re
from typing import Any

import jsonschema
import pytest

from sinks import roles
from tests.k8s.objects import BUILT_IN, PROFILES, built, of_kind, one, own_pods, settings_of
from tests.k8s.schemas import SCHEMAS

VALIDATORS = {key: jsonschema.Draft202012Validator(schema) for key, schema in SCHEMAS.items()}
MADE_BY_OPERATORS = {"headrace-cluster-ca-cert", "history-ca"}
"""Secrets of Strimzi's and CloudNativePG's own authorities."""


@pytest.mark.parametrize("profile", PROFILES)
def test_every_custom_resource_has_the_fields_of_its_operator(profile: str) -> None:
    for found in built(profile):
        if found["apiVersion"] in BUILT_IN:
            continue
        validator = VALIDATORS[found["apiVersion"], found["kind"]]
        wrong = [
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(found["spec"])
        ]
        assert wrong == [], f"{found['kind']}/{found['metadata']['name']}"


def test_the_schemas_are_schemas() -> None:
    for validator in VALIDATORS.values():
        validator.check_schema(validator.schema)


def test_every_schema_is_used() -> None:
    assert SCHEMAS.keys() == {
        (o["apiVersion"], o["kind"]) for o in built("production") if o["apiVersion"] not in BUILT_IN
    }


@pytest.mark.parametrize("kind", ["Kafka", "ScaledObject", "ExternalSecret", "Cluster"])
def test_a_misspelt_field_is_refused(kind: str) -> None:
    found: Any = copy.deepcopy(of_kind("production", kind)[0])
    found["spec"]["misspelt"] = 1
    assert list(VALIDATORS[found["apiVersion"], kind].iter_errors(found["spec"]))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_secret_that_is_asked_for_is_made_with_that_key(profile: str) -> None:
    made: dict[str, set[str]] = {}
    for secret in of_kind(profile, "ExternalSecret"):
        spec = secret["spec"]
        data = spec["target"].get("template", {}).get("data")
        keys = set(data) if data else {entry["secretKey"] for entry in spec["data"]}
        made[spec["target"]["name"]] = keys
    asked = [
        (source["secret"]["name"], item["key"])
        for pod in own_pods(profile)
        for volume in pod.spec["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"].get("items", [])
    ]
    for user in of_kind(profile, "KafkaUser"):
        reference = user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
        asked.append((reference["name"], reference["key"]))
    for entry in one(profile, "TriggerAuthentication", "kafka")["spec"]["secretTargetRef"]:
        asked.append((entry["name"], entry["key"]))
    for ingress in of_kind(profile, "Ingress"):
        asked += [
            (tls["secretName"], "tls.key")
            for tls in ingress["spec"]["tls"]
            if made.get(tls["secretName"])
        ]
        assert all(tls["secretName"] in made for tls in ingress["spec"]["tls"])
    history = one(profile, "Cluster", "history")["spec"]
    logins = [role for role in history["managed"]["roles"] if role["login"]]
    named = [role["passwordSecret"]["name"] for role in logins]
    for name in (history["bootstrap"]["initdb"]["secret"]["name"], *named):
        asked += [(name, key) for key in ("username", "password")]
    missing = {
        (name, key)
        for name, key in asked
        if name not in MADE_BY_OPERATORS and key not in made.get(name, set())
    }
    assert missing == set()
    assert made.keys() - {name for name, _ in asked} <= {"object-store", "latest-acl", "latest-tls"}


def test_database_users_are_those_of_the_urls() -> None:
    spec = one("production", "Cluster", "history")["spec"]
    managed = spec["managed"]["roles"]
    known = {spec["bootstrap"]["initdb"]["owner"], *(r["name"] for r in managed if r["login"])}
    assert {role["name"] for role in managed} == roles.ROLES.keys()
    assert not any("inRoles" in role for role in managed), "rights come from the matrix alone"
    urls = [
        settings_of("production", pod).get("HEADRACE_POSTGRES_URL", "")
        for pod in own_pods("production")
        if pod.name != "latest"
    ]
    users = {found[1] for url in urls if (found := re.match(r"postgresql://([a-z]+)@", url))}
    assert users == known
    connections = sum(role["connectionLimit"] for role in spec["managed"]["roles"])
    assert connections < int(spec["postgresql"]["parameters"]["max_connections"])


def test_users_of_the_cache_are_those_of_the_matrix() -> None:
    (secret,) = [
        o for o in of_kind("production", "ExternalSecret") if o["metadata"]["name"] == "latest-acl"
    ]
    hashes = {user: f"{{{{ .{user} | sha256sum }}}}" for user in roles.USERS}
    assert secret["spec"]["target"]["template"]["data"]["users.acl"] == roles.users_file(hashes)


def test_kafka_loses_nothing_that_was_acknowledged() -> None:
    config = one("production", "Kafka", "headrace")["spec"]["kafka"]["config"]
    assert config["auto.create.topics.enable"] == "false"
    assert config["unclean.leader.election.enable"] == "false"
    assert config["allow.everyone.if.no.acl.found"] == "false"
    for part in ("default", "offsets.topic", "transaction.state.log"):
        assert config[f"{part}.replication.factor"] == 3
    assert config["min.insync.replicas"] == config["transaction.state.log.min.isr"] == 2
    for topic in of_kind("production", "KafkaTopic"):
        assert topic["spec"]["replicas"] == 3
        assert topic["spec"]["config"]["min.insync.replicas"] == "2"


def test_valkey_keeps_what_it_has_and_evicts_nothing() -> None:
    maps = of_kind("production", "ConfigMap")
    (text,) = [o["data"]["valkey.conf"] for o in maps if "valkey.conf" in o.get("data", {})]
    lines = dict(line.split(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    assert lines["appendonly"] == "yes" and lines["appendfsync"] == "everysec"
    assert lines["maxmemory-policy"] == "noeviction" and lines["port"] == "0"
    limit = one("production", "StatefulSet", "latest")["spec"]["template"]["spec"]["containers"][0]
    assert limit["resources"]["limits"]["memory"] == "1Gi" and lines["maxmemory"] == "768mb"
