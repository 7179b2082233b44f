"""Shows what is insecure and what became of changed secrets, looked at again at each scrape: files may change later."""

from pathlib import Path

from agents.metrics import Metrics
from streams import guards, secret
from streams.secret import Fingerprint, SecretRefused
from streams.settings import Settings

READ, REFUSED = "read", "refused"


def show(metrics: Metrics, settings: Settings, *, is_api: bool = False) -> None:
    """From now on `metrics` tells profile, simulation flag, insecure flags, and changes of the files of secrets."""
    metrics.set("profile_info", (settings.gate.profile or "none",), 1)
    metrics.set("simulation_enabled", (), settings.gate.flag == "on")
    secrets = _Secrets(metrics, guards.secret_settings(settings))

    def look() -> None:
        for flag, is_on in guards.insecure(settings, is_api=is_api).items():
            metrics.set("insecure_default_enabled", (flag,), is_on)
        secrets.look()

    metrics.before_each_scrape(look)


def refusal(settings: Settings, *, is_api: bool = False) -> str:
    """Why a process that trades nothing may not start, a line a reason; empty when it may.

    Without a profile it may: only what trades needs one, and every deployment names one.
    """
    if not settings.profile:
        return ""
    return "\n".join(map(str, guards.refusals(settings, is_api=is_api)))


class _Secrets:
    """Counts changes of the files of secrets. Whoever uses one reads it by the same rule, at its next connection."""

    def __init__(self, metrics: Metrics, files: dict[str, Path]) -> None:
        self._metrics = metrics
        self._files = files
        self._seen = {name: _fingerprint(file) for name, file in files.items()}
        for name in files:
            for outcome in (READ, REFUSED):
                metrics.add("secret_reloads_total", (name, outcome), 0)  # or its first is no growth

    def look(self) -> None:
        for name, file in self._files.items():
            seen = _fingerprint(file)
            if seen != self._seen[name]:
                self._seen[name] = seen
                self._metrics.add("secret_reloads_total", (name, _outcome(file)))


def _fingerprint(file: Path) -> Fingerprint | None:
    try:
        return secret.fingerprint(file)
    except OSError:
        return None


def _outcome(file: Path) -> str:
    try:
        secret.read(file)
    except SecretRefused:
        return REFUSED
    return READ
