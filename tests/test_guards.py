"""What production and staging refuse: each insecure flag alone, each switch alone, each spelling of the profile."""

import os
from pathlib import Path
from typing import Any

import certifi
import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from agents import insecure
from agents.metrics import Metrics
from api.cli import app
from streams import guards
from streams.exits import Exit
from streams.settings import Settings

PASSWORD = "Xq7-not-a-default"
SECURE: dict[str, Any] = {
    "host": "0.0.0.0",
    "api_url": "https://headrace.example",
    "postgres_url": f"postgresql://sink:{PASSWORD}@history:5432/headrace?sslmode=verify-full",
    "redis_url": f"rediss://api:{PASSWORD}@latest:6379/0",
    "require_tls": True,
    "require_timescale": True,
    "require_tokens": True,
    "two_person_release": True,
    "replication": 3,
}
INSECURE: dict[str, dict[str, Any]] = {
    "plaintext_kafka": {"kafka_security": "PLAINTEXT"},
    "plaintext_history": {
        "postgres_url": f"postgresql://sink:{PASSWORD}@history/headrace?sslmode=require"
    },
    "plaintext_latest": {"redis_url": f"redis://api:{PASSWORD}@latest:6379/0"},
    "api_without_tls": {"api_url": "http://headrace.example"},
    "no_api_tokens": {"api_tokens_file": ""},
    "default_password": {"redis_url": "rediss://api:changeme@latest:6379/0"},
    "single_replica_topics": {"replication": 1},
    "history_without_timescale": {"require_timescale": False},
    "single_person_release": {"two_person_release": False},
}


CHANGES: tuple[dict[str, Any], ...] = (
    {"simulation": "on"},
    {"simulation": "perhaps"},
    {"allow_insecure_defaults": "true"},
    {"allow_insecure_defaults": "false"},
    *({name: False} for name in guards.REQUIRED),
    {"crash": "commit:1"},
    {"lockstep": True},
    {"profile": "producton"},
    {"profile": ""},
    {"profile": "staging", "namespace": "headrace-prod"},
)


def _named(change: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in change.items())


@pytest.fixture
def secure(tmp_path: Path) -> dict[str, Any]:
    tokens, password = tmp_path / "tokens.json", tmp_path / "password"
    authority = tmp_path / "ca.crt"
    end = "-----END CERTIFICATE-----\n"  # of the first: one is read faster than all
    authority.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    for file in (tokens, password):
        file.touch(mode=0o600)
        file.write_text(PASSWORD)
    return {
        **SECURE,
        "api_tokens_file": str(tokens),
        "kafka_security": "SASL_SSL",
        "kafka_user": "worker",
        "kafka_password_file": str(password),
        "kafka_ca_file": str(authority),
    }


def subjects(fields: dict[str, Any]) -> set[str]:
    return {refusal.subject for refusal in guards.refusals(Settings(**fields), is_api=True)}


@pytest.mark.parametrize("profile", ["simulation", "staging", "production", "prod", "PROD", "live"])
def test_what_is_secure_starts_in_every_profile(secure: dict[str, Any], profile: str) -> None:
    assert subjects({**secure, "profile": profile}) == set()


@pytest.mark.parametrize("flag", INSECURE)
@pytest.mark.parametrize("profile", ["production", "prod", "PROD", "live", "staging"])
def test_each_insecure_flag_alone_is_refused(
    secure: dict[str, Any], profile: str, flag: str
) -> None:
    fields = {**secure, "profile": profile, **INSECURE[flag]}
    on = [name for name, is_on in guards.insecure(Settings(**fields), is_api=True).items() if is_on]
    assert on == [flag]
    assert flag in subjects(fields)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_secret_that_others_can_read_is_insecure(secure: dict[str, Any], mode: int) -> None:
    os.chmod(secure["api_tokens_file"], mode)
    assert subjects({**secure, "profile": "production"}) == {"readable_secret"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_mounted_secret_is_of_root_and_our_group_may_read_it(secure: dict[str, Any]) -> None:
    os.chmod(secure["api_tokens_file"], 0o440)
    assert not guards.insecure(Settings(**secure), is_api=True)["readable_secret"]
    os.chown(secure["api_tokens_file"], 10001, 10001)
    assert guards.insecure(Settings(**secure), is_api=True)["readable_secret"]


def test_a_secret_that_is_not_there_is_not_known_to_be_safe(secure: dict[str, Any]) -> None:
    fields = {**secure, "profile": "production", "api_tokens_file": "/no/such/file"}
    assert subjects(fields) == {"readable_secret"}


def test_only_who_serves_the_api_needs_its_tokens(secure: dict[str, Any]) -> None:
    settings = Settings(**{**secure, "api_tokens_file": "", "api_url": "", "profile": "production"})
    assert guards.refusals(settings, is_api=False) == []
    assert len(guards.refusals(settings, is_api=True)) == 2


def test_every_flag_has_a_case(secure: dict[str, Any]) -> None:
    assert {*INSECURE, "readable_secret"} == guards.insecure(Settings(**secure), is_api=True).keys()


@pytest.mark.parametrize(
    ("profile", "switch", "starts"),
    [
        ("simulation", "", True),
        ("simulation", "true", True),
        ("simulation", "false", False),
        ("simulation", "maybe", False),
        ("staging", "", False),
        ("staging", "true", True),
        ("staging", "false", False),
        ("production", "", False),
        ("production", "true", False),
        ("production", "false", False),
        ("", "true", False),
        ("productoin", "true", False),
    ],
)
def test_who_starts_with_something_insecure(profile: str, switch: str, starts: bool) -> None:
    fields = {"profile": profile, "allow_insecure_defaults": switch}
    assert (subjects(fields) == set()) is starts


@pytest.mark.parametrize("change", CHANGES, ids=_named)
def test_production_refuses_each_single_deviation(
    secure: dict[str, Any], change: dict[str, Any]
) -> None:
    assert subjects({**secure, "profile": "production", **change}) != set()


def test_each_refusal_of_production_says_what_is_and_what_should_be(secure: dict[str, Any]) -> None:
    table = Table("production, but for", "said", title="refused with exit 78")
    for change in (*INSECURE.values(), *CHANGES):
        settings = Settings(**{**secure, "profile": "production", **change})
        said = list(map(str, guards.refusals(settings, is_api=True)))
        assert said and all("should be" in line for line in said)
        assert PASSWORD not in "".join(said)
        table.add_row(_named(change).replace(PASSWORD, "..."), "; ".join(said))
    Console(width=150).print(table)


@pytest.mark.parametrize("switch", ["require_tls", "require_tokens"])
def test_what_is_demanded_by_name_is_demanded_of_a_simulation_too(switch: str) -> None:
    fields = {"profile": "simulation", "allow_insecure_defaults": "true", switch: True}
    assert subjects(fields) != set()


def test_no_sign_of_a_test_runner_opens_the_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "PYTEST_CURRENT_TEST", "PYTHONDEBUG", "DEBUG", "TESTING"):
        monkeypatch.setenv(name, "true")
    assert subjects({"profile": "production"}) != set()


def test_doctor_refuses_with_the_code_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PROFILE", "production")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == Exit.SETTINGS
    assert "plaintext_kafka is on" in result.output


def test_each_change_of_a_secret_is_counted_by_whether_it_can_be_used(
    secure: dict[str, Any],
) -> None:
    metrics = Metrics()
    insecure.show(metrics, Settings(**secure, profile="production"))

    def counted() -> tuple[float, float]:
        metrics.exposition()
        name = {"secret": "api_tokens_file"}
        return (
            metrics.total("secret_reloads_total", **name, outcome="read"),
            metrics.total("secret_reloads_total", **name, outcome="refused"),
        )

    file = Path(secure["api_tokens_file"])
    assert counted() == (0, 0)
    file.write_text("a new one, longer than it was")
    assert counted() == counted() == (1, 0)
    file.write_text("changeme")
    assert counted() == (1, 1)
    file.unlink()
    assert counted() == (1, 2)


def test_a_file_made_readable_later_shows_at_the_next_scrape(secure: dict[str, Any]) -> None:
    metrics = Metrics()
    insecure.show(metrics, Settings(**secure, profile="production"))
    line = 'headrace_insecure_default_enabled{flag="readable_secret"}'
    assert f"{line} 0.0" in metrics.exposition()[0].decode()
    os.chmod(secure["api_tokens_file"], 0o644)
    assert f"{line} 1.0" in metrics.exposition()[0].decode()


@pytest.mark.parametrize(("flag", "shown"), [("on", 1.0), ("", 0.0), ("perhaps", 0.0)])
def test_the_gauge_shows_whether_accounts_of_production_are_simulated(
    flag: str, shown: float
) -> None:
    metrics = Metrics()
    insecure.show(metrics, Settings(profile="simulation", simulation=flag))
    assert f"headrace_simulation_enabled {shown}" in metrics.exposition()[0].decode()
