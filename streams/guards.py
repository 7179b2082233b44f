"""What is insecure about a process's settings, and whether it may start so; asked by every composition root, pure but
for the look at files.

The profile decides. A simulation starts insecure and says so on a gauge, unless it is told not to; staging starts only
secure, unless it is told otherwise; production starts only secure, and whoever names the switch at all is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from streams import secret
from streams.secret import SecretRefused
from streams.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
REPLICAS_MIN = 3
REQUIRED = ("require_tls", "require_timescale", "require_tokens", "two_person_release")
"""Of production: each must be on."""

LOCAL_ONLY = ("crash", "lockstep")
"""For tests and repeatable runs; production starts with none of them."""


@dataclass(frozen=True)
class Refusal:
    """Why a process may not start: what is, what should be. subject: a setting or an insecure flag."""

    subject: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.subject}: is {self.found}, should be {self.expected}"


def insecure(settings: Settings, *, is_api: bool) -> dict[str, bool]:
    """Every insecure flag and whether it is on; those of the status API are off for a process that serves none."""
    return {
        "plaintext_kafka": settings.kafka_security != "SASL_SSL",
        "plaintext_history": bool(settings.postgres_url)
        and not _is_verified(settings.postgres_url),
        "plaintext_latest": bool(settings.redis_url) and _scheme(settings.redis_url) != "rediss",
        "api_without_tls": is_api
        and settings.host not in LOOPBACK
        and _scheme(settings.api_url) != "https",
        "no_api_tokens": is_api and not settings.api_tokens_file,
        "default_password": any(map(_has_default_password, _urls(settings))),
        "readable_secret": any(map(_is_readable, secret_settings(settings).values())),
        "single_replica_topics": settings.replication < REPLICAS_MIN,
        "history_without_timescale": bool(settings.postgres_url) and not settings.require_timescale,
        "single_person_release": not settings.two_person_release,
    }


def refusals(settings: Settings, *, is_api: bool) -> list[Refusal]:
    """Everything for which a process with these settings may not start; empty when it may."""
    found = insecure(settings, is_api=is_api)
    on = [flag for flag, is_on in found.items() if is_on]
    refused = [*_gate(settings), *_demanded(settings, on)]
    if settings.gate.profile == "production":
        refused += _production(settings)
    if not _may_be_insecure(settings):
        refused += [Refusal(flag, "on", "off") for flag in on]
    return list(dict.fromkeys(refused))


def secret_settings(settings: Settings) -> dict[str, Path]:
    """By setting, the files of secrets that are named; certificates are none."""
    names = [name for name in Settings.model_fields if name.endswith("_file")]
    given = {name: getattr(settings, name) for name in names if "_ca_" not in name}
    return {name: Path(file) for name, file in given.items() if file}


def _gate(settings: Settings) -> list[Refusal]:
    gate = settings.gate
    if not gate.profile:
        expected = "simulation, staging or production, and production in its namespace"
        return [Refusal("HEADRACE_PROFILE", repr(settings.profile), expected)]
    if not gate.starts:
        expected = "off" if gate.profile == "production" else "on or off"
        return [Refusal("HEADRACE_SIMULATION", repr(settings.simulation), expected)]
    if _switch(settings) is None:
        return [
            Refusal("HEADRACE_ALLOW_INSECURE_DEFAULTS", "neither true nor false", "one of them")
        ]
    return []


def _demanded(settings: Settings, on: list[str]) -> list[Refusal]:
    """What a switch of its own asks for, whatever the profile."""
    flags = []
    if settings.require_tls:
        flags += ["plaintext_kafka", "plaintext_history", "plaintext_latest", "api_without_tls"]
    if settings.require_tokens:
        flags += ["no_api_tokens"]
    return [Refusal(flag, "on", "off") for flag in flags if flag in on]


def _production(settings: Settings) -> list[Refusal]:
    refused = [
        Refusal(_variable(name), "off", "on") for name in REQUIRED if not getattr(settings, name)
    ]
    if settings.allow_insecure_defaults:
        refused.append(Refusal(_variable("allow_insecure_defaults"), "set", "absent in production"))
    refused += [
        Refusal(_variable(name), "set", "absent in production")
        for name in LOCAL_ONLY
        if getattr(settings, name)
    ]
    return refused


def _may_be_insecure(settings: Settings) -> bool:
    profile = settings.gate.profile
    if profile == "production":
        return False
    return (_switch(settings) or str(profile == "simulation").lower()) == "true"


def _switch(settings: Settings) -> str | None:
    given = settings.allow_insecure_defaults.lower()
    return given if given in ("", "true", "false") else None


def _variable(name: str) -> str:
    return f"HEADRACE_{name.upper()}"


def _is_verified(url: str) -> bool:
    return parse_qs(urlsplit(url).query).get("sslmode") == ["verify-full"]


def _scheme(url: str) -> str:
    return urlsplit(url).scheme


def _urls(settings: Settings) -> list[str]:
    return [url for url in (settings.postgres_url, settings.redis_url) if url]


def _has_default_password(url: str) -> bool:
    password = urlsplit(url).password
    return password is not None and password.lower() in {"", *secret.DEFAULTS}


def _is_readable(file: Path) -> bool:
    try:
        secret.check_mode(file)
    except (OSError, SecretRefused):
        return True  # what cannot be looked at is not known to be safe
    return False
