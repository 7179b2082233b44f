"""Shows what is insecure on a gauge, looked at again at each scrape: a secret's file may be made readable later."""

from agents.metrics import Metrics
from streams import guards
from streams.settings import Settings


def show(metrics: Metrics, settings: Settings, *, is_api: bool = False) -> None:
    """From now on `metrics` tells the profile and every insecure flag."""
    metrics.set("profile_info", (settings.gate.profile or "none",), 1)

    def look() -> None:
        for flag, is_on in guards.insecure(settings, is_api=is_api).items():
            metrics.set("insecure_default_enabled", (flag,), is_on)

    metrics.before_each_scrape(look)


def refusal(settings: Settings, *, is_api: bool = False) -> str:
    """Why a process that trades nothing may not start, a line a reason; empty when it may.

    Without a profile it may: only what trades needs one, and every deployment names one.
    """
    if not settings.profile:
        return ""
    return "\n".join(map(str, guards.refusals(settings, is_api=is_api)))
