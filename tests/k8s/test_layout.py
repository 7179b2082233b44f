"""The files: one object each, short, overlays that only patch, nothing secret, what is rendered as it was rendered."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from api import manifests
from dashboards import kubernetes
from streams.topics import CATALOGUE
from tests.k8s.objects import K8S, PROFILES, ROOT, built, of_kind

BASE = K8S / "base"
FILES = sorted(path for path in K8S.rglob("*.yaml"))
WRITTEN = ("# Rendered by", "# Written by")
LINES_MAX = 60


def loaded(file: Path) -> list[object]:
    return list(yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(K8S)))
def test_a_file_holds_one_object_and_is_short_unless_rendered(file: Path) -> None:
    text = file.read_text()
    assert len(loaded(file)) == 1
    assert len(text.splitlines()) <= LINES_MAX or text.startswith(WRITTEN)


def test_no_kustomization_forgets_a_file_beside_it() -> None:
    for kustomization in K8S.rglob("kustomization.yaml"):
        folder, found = kustomization.parent, yaml.safe_load(kustomization.read_text())
        named = {*found["resources"], *(patch["path"] for patch in found.get("patches", []))}
        beside = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert beside == {name for name in named if name.endswith(".yaml") and "/" not in name}, (
            folder
        )


def test_overlays_patch_what_the_base_has_and_add_nothing() -> None:
    for profile in PROFILES:
        found = yaml.safe_load((K8S / "overlays" / profile / "kustomization.yaml").read_text())
        assert found["resources"] == ["../../base"]
        assert all(generated["behavior"] == "merge" for generated in found["configMapGenerator"])


def test_all_overlays_have_the_same_objects() -> None:
    def names(profile: str) -> set[tuple[str, str]]:
        kinds = {
            (o["kind"], re.sub(r"-[a-z0-9]{10}$", "", o["metadata"]["name"]))
            for o in built(profile)
        }
        return {(kind, name) for kind, name in kinds if kind != "Namespace"}

    assert names("simulation") == names("staging") == names("production")


def test_no_secret_is_in_the_repository() -> None:
    for profile in PROFILES:
        assert of_kind(profile, "Secret") == []


def test_topics_users_and_triggers_are_as_the_catalogue_renders_them() -> None:
    partitions = int(dict(_config())["HEADRACE_PARTITIONS"])
    rendered = manifests.rendered(partitions, dict(_config())["HEADRACE_APP"])
    there = {
        p.relative_to(BASE) for f in ("topics", "users") for p in (BASE / "kafka" / f).iterdir()
    }
    assert there | {Path("worker/scaled-object.yaml")} == rendered.keys(), (
        "run `headrace topics render`"
    )
    for path, text in rendered.items():
        assert (BASE / path).read_text() == text, f"{path}: run `headrace topics render`"


def test_rendered_manifests_are_the_objects_they_were_made_of() -> None:
    topic = next(t for t in CATALOGUE if t.name == "market.quotes")
    found = manifests.kafka_topic(topic, 12)
    assert yaml.safe_load(manifests.document(found)) == found
    assert found["metadata"]["name"] == "market-quotes" and found["spec"]["topicName"] == topic.name


def test_no_two_topics_share_an_object() -> None:
    names = [o["metadata"]["name"] for o in of_kind("production", "KafkaTopic")]
    assert len(set(names)) == len(CATALOGUE)


def test_monitoring_is_as_the_dashboards_folder_has_it() -> None:
    files = sorted((ROOT / "dashboards" / "rules").glob("*.yaml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    loaded = of_kind("production", "PrometheusRule")[0]["spec"]["groups"]
    by_name = {group["name"]: group for group in groups}
    assert {group["name"]: group for group in loaded} == by_name, "run `make dashboards`"
    for name, text in kubernetes.rendered({"groups": loaded}).items():
        if name != "prometheus-rule.yaml":
            assert (BASE / "monitoring" / name).read_text() == text, "run `make dashboards`"


def test_routes_of_alerts_are_those_of_alertmanagers_own_file() -> None:
    own = yaml.safe_load((ROOT / "dashboards" / "alertmanager.yaml").read_text())
    found = of_kind("production", "AlertmanagerConfig")[0]["spec"]
    assert [r["name"] for r in found["receivers"]] == [r["name"] for r in own["receivers"]]
    told = [
        (
            r["receiver"],
            r["repeatInterval"],
            [f'{m["name"]} = "{m["value"]}"' for m in r["matchers"]],
        )
        for r in found["route"]["routes"]
    ]
    assert told == [
        (r["receiver"], r["repeat_interval"], r["matchers"]) for r in own["route"]["routes"]
    ]
    assert len(found["inhibitRules"]) == len(own["inhibit_rules"])


def test_boards_are_in_the_config_map_as_they_are() -> None:
    (boards,) = [
        o for o in of_kind("production", "ConfigMap") if o["metadata"]["name"] == "dashboards"
    ]
    for name, board in boards["data"].items():
        assert json.loads(board) == json.loads((ROOT / "dashboards" / name).read_text())


def test_the_version_of_the_labels_is_the_one_that_is_validated_against() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"] == "headrace"
    for namespace in of_kind("production", "Namespace"):
        labels = namespace["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
            assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.36"


def _config() -> list[tuple[str, str]]:
    lines = (BASE / "config.env").read_text().splitlines()
    return [(name, value) for line in lines for name, _, value in [line.partition("=")]]
