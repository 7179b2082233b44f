"""Variables are settings and settings are variables; each profile's switches as published; production starts as it is
described and in no other way."""

from pathlib import Path

import certifi
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from api.cli import app
from streams import guards
from streams.exits import Exit
from streams.settings import Settings
from tests.k8s.objects import PROFILES, Pod, own_pods, settings_of

PREFIX = "HEADRACE_"
MOUNTED = "/run/secrets/headrace"
FOREIGN = {"HTTPS_PROXY"}
"""Variables that libraries read: the feed's way out."""

SPELLINGS = ("production", "prod", "PROD", "live")

LOCAL = {
    "crash": "tests only; production refuses it",
    "lockstep": "repeatable runs of `up` only; production refuses it",
    "coingecko_key_file": "backfills are run by hand",
    "only": "every worker runs all groups",
    "allow_insecure_defaults": "absent in production, where any value is refused",
}
"""Settings that production's manifests do not set, each with its reason."""

SWITCHES = {
    "HEADRACE_PROFILE": ("simulation", "staging", "production"),
    "HEADRACE_SIMULATION": ("on", "on", "off"),
    "HEADRACE_ALLOW_INSECURE_DEFAULTS": ("true", "false", None),
    "HEADRACE_REQUIRE_TLS": ("false", "true", "true"),
    "HEADRACE_REQUIRE_TIMESCALE": ("false", "true", "true"),
    "HEADRACE_REQUIRE_TOKENS": ("false", "true", "true"),
    "HEADRACE_TWO_PERSON_RELEASE": ("false", "true", "true"),
}

DEVIATIONS = {
    "HEADRACE_SIMULATION": ("on", "true", "1", "perhaps"),
    "HEADRACE_ALLOW_INSECURE_DEFAULTS": ("true", "false", "1"),
    "HEADRACE_REQUIRE_TLS": ("false", "maybe"),
    "HEADRACE_REQUIRE_TIMESCALE": ("false",),
    "HEADRACE_REQUIRE_TOKENS": ("false",),
    "HEADRACE_TWO_PERSON_RELEASE": ("false",),
    "HEADRACE_REPLICATION": ("1", "2"),
    "HEADRACE_PROFILE": ("", "simulation", "staging", "producton"),
    "HEADRACE_API_URL": ("", "http://headrace.example.org"),
    "HEADRACE_API_TOKENS_FILE": ("",),
    "HEADRACE_KAFKA_SECURITY": ("PLAINTEXT", "SSL"),
    "HEADRACE_KAFKA_USER": ("",),
    "HEADRACE_KAFKA_PASSWORD_FILE": ("", "/no/such/file"),
    "HEADRACE_KAFKA_CA_FILE": ("/no/such/file",),
    "HEADRACE_POSTGRES_URL": ("postgresql://api@history-ro:5432/headrace?sslmode=require",),
    "HEADRACE_REDIS_URL": ("redis://api@latest:6379/0", "rediss://api:changeme@latest:6379/0"),
    "HEADRACE_CRASH": ("commit:1",),
    "HEADRACE_LOCKSTEP": ("true",),
}
SINGLE = [(name, value) for name, values in DEVIATIONS.items() for value in values]


def processes(profile: str) -> list[Pod]:
    """Our own; not the store that runs another's image."""
    return [pod for pod in own_pods(profile) if "headrace" in pod.containers[0]["image"]]


def variables(profile: str, pod: Pod, secrets: Path) -> dict[str, str]:
    """What a process of this pod finds, with its secrets where a test can put them."""
    given = settings_of(profile, pod)
    return {name: value.replace(MOUNTED, str(secrets)) for name, value in given.items()}


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that a pod mounts, as a secret volume would have it."""
    folder = tmp_path_factory.mktemp("secrets")
    for profile in PROFILES:
        for pod in processes(profile):
            for name in mounted(pod):
                file = folder / name
                file.touch(mode=0o600)
                file.write_text(
                    Path(certifi.where()).read_text() if name.endswith(".crt") else "Xq7-long"
                )
    return folder


def certificate() -> str:
    """Of some authority; one is read faster than all of them."""
    end = "-----END CERTIFICATE-----\n"
    return Path(certifi.where()).read_text().partition(end)[0] + end


def mounted(pod: Pod) -> set[str]:
    """The files that a pod finds below its secrets."""
    projected = (v["projected"] for v in pod.spec["volumes"] if "projected" in v)
    sources = (source for volume in projected for source in volume["sources"])
    return {item["path"] for source in sources for item in source["secret"].get("items", [])}


@pytest.mark.parametrize("profile", PROFILES)
def test_every_variable_is_a_setting_and_every_setting_a_variable(profile: str) -> None:
    given = {name for pod in processes(profile) for name in settings_of(profile, pod)}
    fields = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert {name for name in given if name not in fields} <= FOREIGN
    missing = {name.removeprefix(PREFIX).lower() for name in fields - given}
    assert missing == LOCAL.keys() - (
        {"allow_insecure_defaults"} if profile != "production" else set()
    )


@pytest.mark.parametrize("index", range(3), ids=PROFILES)
def test_switches_are_as_published(index: int) -> None:
    profile = PROFILES[index]
    for pod in processes(profile):
        given = settings_of(profile, pod)
        assert {name: given.get(name) for name in SWITCHES} == {
            n: v[index] for n, v in SWITCHES.items()
        }


@pytest.mark.parametrize("profile", PROFILES)
def test_every_process_starts_as_its_overlay_has_it(
    profile: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pod in processes(profile):
        with monkeypatch.context() as patched:
            for name, value in variables(profile, pod, secrets).items():
                patched.setenv(name, value)
            settings = Settings()
            assert guards.refusals(settings, is_api="api" in pod.name) == [], pod.maker
            on = {
                flag
                for flag, is_on in guards.insecure(settings, is_api="api" in pod.name).items()
                if is_on
            }
            allowed = {
                "single_person_release",
                "single_replica_topics",
                "history_without_timescale",
            }
            assert on <= (allowed if profile == "simulation" else set()), pod.maker


@pytest.mark.parametrize("profile", PROFILES)
def test_every_secret_file_of_the_settings_is_mounted_and_back(profile: str) -> None:
    for pod in processes(profile):
        given = (*settings_of(profile, pod).values(), *pod.containers[-1]["args"])
        named = {part.split("&")[0] for value in given for part in value.split(f"{MOUNTED}/")[1:]}
        assert named == mounted(pod), pod.maker


def doctor(patched: pytest.MonkeyPatch, given: dict[str, str]) -> int:
    for name, value in given.items():
        patched.setenv(name, value)
    code = CliRunner().invoke(app, ["doctor", "--settings"]).exit_code
    return int(code)


def api_of_production(secrets: Path) -> dict[str, str]:
    api = next(pod for pod in processes("production") if pod.name == "api")
    return variables("production", api, secrets)


@pytest.mark.parametrize("profile", SPELLINGS)
def test_doctor_starts_production_as_it_is_described(
    profile: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (api_of_production(secrets) | {"HEADRACE_PROFILE": profile}).items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(app, ["doctor", "--settings"]).exit_code == Exit.CLEAN


@pytest.mark.parametrize(("name", "value"), SINGLE, ids=[f"{n}={v}" for n, v in SINGLE])
def test_doctor_refuses_every_single_deviation_of_production(
    name: str, value: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, text in (api_of_production(secrets) | {name: value}).items():
        monkeypatch.setenv(variable, text)
    assert refused() == Exit.SETTINGS
    for profile in SPELLINGS[1:] if name != "HEADRACE_PROFILE" else ():
        monkeypatch.setenv("HEADRACE_PROFILE", profile)
        assert not may_start(), profile


def may_start() -> bool:
    try:
        return guards.refusals(Settings(), is_api=True) == []
    except ValidationError:
        return False


def refused() -> int:
    """The exit code of `headrace doctor --settings`, as its `main` gives it."""
    result = CliRunner().invoke(app, ["doctor", "--settings"])
    is_unreadable = isinstance(result.exception, ValidationError)
    return Exit.SETTINGS if is_unreadable else result.exit_code
