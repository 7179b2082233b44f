"""The image and the composition, as data: no Docker runs here, so that what they say is all that is tested."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli import COMMANDS
from streams import guards
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
DIGEST = re.compile(r"^docker\.io/[^@ ]+:[^@ ]+@sha256:[0-9a-f]{64}$")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "headrace:local"}
WRITES_ITS_IMAGE = {"kafka"}
"""Its start script does; the file says so."""


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, in order."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def test_the_image_is_made_on_a_base_by_digest_in_two_stages() -> None:
    (python, extras) = of("ARG")
    assert DIGEST.match(python.removeprefix("PYTHON="))
    assert of("FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    assert extras == 'EXTRAS=""'


def test_the_image_installs_as_the_tested_script_does() -> None:
    assert "release/install.sh /opt/headrace ${EXTRAS}" in of("RUN")
    script = (ROOT / "release" / "install.sh").read_text()
    assert script.count("--require-hashes") == 3 and "--only-binary :all:" in script
    assert "--locked" in script and "--no-deps" in script
    assert all("--require-hashes" in run or "install.sh" in run for run in of("RUN"))


def test_the_image_runs_as_nobody_in_an_empty_directory() -> None:
    assert of("USER") == ["10001:10001"]
    assert of("ENTRYPOINT") == ['["headrace"]']
    assert of("WORKDIR")[-1] == "/empty"
    after = instructions()[[i for i, (word, _) in enumerate(instructions()) if word == "FROM"][1] :]
    assert [rest for word, rest in after if word == "COPY"] == [
        "--from=build /opt/headrace /opt/headrace"
    ]


def test_the_context_holds_what_the_wheel_is_made_of_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    packages = {"agents", "api", "models", "sinks", "streams", "tables"}
    assert kept == packages | {"release", "pyproject.toml", "uv.lock", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in kept)


def test_the_composition_has_every_part() -> None:
    assert SERVICES.keys() == {
        "kafka", "history", "latest", "topics", "worker", "sink", "api", "feed", "prometheus", "alertmanager",
        "grafana",
    }  # fmt: skip
    assert {"worker", "sink", "api", "feed", "topics"} == OURS


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_pinned_closed_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert name in OURS or DIGEST.match(service["image"])
    assert service.get("read_only", False) is (name not in WRITES_ITS_IMAGE)
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in service or name in OURS, "ours have the image's"
    assert not {"privileged", "network_mode", "pid"} & service.keys()


@pytest.mark.parametrize("name", sorted(OURS))
def test_settings_of_our_services_are_settings_and_start(name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    for secret in service["secrets"]:
        (tmp_path / secret).touch(mode=0o600)
        (tmp_path / secret).write_text("Xq7-long")
    fields = {
        key.removeprefix("HEADRACE_").lower(): value.replace("/run/secrets", str(tmp_path))
        for key, value in service["environment"].items()
    }
    assert service["command"][0] in COMMANDS
    assert fields.keys() <= Settings.model_fields.keys()
    settings = Settings(**fields)
    assert guards.refusals(settings, is_api=name == "api") == []
    assert not guards.insecure(settings, is_api=True)["default_password"]


def test_ports_and_addresses_are_those_of_services_that_there_are() -> None:
    settings = SERVICES["api"]["environment"]
    for url in settings["HEADRACE_OPS_URLS"].split(","):
        service, port = url.removeprefix("http://").split(":")
        assert service in OURS and port == settings["HEADRACE_OPS_PORT"]
    assert settings["HEADRACE_BROKERS"].split(":")[0] in SERVICES
    scraped = yaml.safe_load((ROOT / "dashboards" / "prometheus.yaml").read_text())
    (targets,) = [c["static_configs"][0]["targets"] for c in scraped["scrape_configs"]]
    assert {target.split(":")[0] for target in targets} == OURS - {"topics"}
    assert {target.split(":")[1] for target in targets} == {settings["HEADRACE_OPS_PORT"]}


def test_what_is_mounted_is_there_and_every_secret_is_a_file_of_the_users() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/secrets/" in ignored
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())


def test_grafana_finds_the_boards_and_the_metrics() -> None:
    provisioning = ROOT / "dashboards" / "provisioning"
    text = (provisioning / "datasources" / "headrace.yaml").read_text()
    metrics, history = yaml.safe_load(text)["datasources"]
    for source in (metrics, history):
        assert source["url"].removeprefix("http://").split(":")[0] in SERVICES
    assert (metrics["type"], history["type"]) == ("prometheus", "grafana-postgresql-datasource")
    grafana = SERVICES["grafana"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) <= grafana["environment"].keys()
    files = set(re.findall(r"\$__file\{([^}]+)\}", text))
    assert files <= {f"/run/secrets/{name}" for name in grafana["secrets"]}
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "headrace.yaml").read_text())[
        "providers"
    ]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
