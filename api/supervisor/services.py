"""The `headrace` processes below `up`: how each is started, and where it listens."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from agents.strategies.load import is_own
from api.access.tokens import new_token
from api.supervisor.directory import DataDirectory
from api.supervisor.plan import UpPlan
from api.supervisor.service import Launch, Service
from streams.ports import LOOPBACK, free_port
from streams.settings import NO_LOGIN_VARIABLES, Settings

FEED_SUMMARY = "feed.json"
TOKENS = "api-tokens.json"
HEAVY_GROUP = "learner-heavy"


@dataclass(frozen=True)
class Addresses:
    """The ops ports of the services."""

    worker: str
    sink: str
    api: str
    feed: str
    features: str
    promotion: str


class Services:
    """The services of one run, not started yet."""

    def __init__(self, data: DataDirectory, settings: Settings, plan: UpPlan) -> None:
        self._data = data
        self._settings = settings
        self._plan = plan
        ports = {
            name: free_port()
            for name in ("worker", "heavy", "sink", "feed", "api", "features", "promotion")
        }
        self._ports = ports
        self._api_port = free_port(settings.api_port)
        told = {n: f"http://{LOOPBACK}:{p}" for n, p in ports.items() if n != "heavy"}
        self.addresses = Addresses(**told)
        self.api_url = f"http://{LOOPBACK}:{self._api_port}"
        self.api_token, self._tokens_file = _tokens(data, settings, plan)
        self.worker = self._service("worker", ["worker"], "/readyz", lockstep=plan.lockstep)
        self.heavy = self._service("heavy", ["worker", "--only", HEAVY_GROUP], "/readyz")
        self.sink = self._service("sink", ["sink"], "/readyz")
        self.features = self._service("features", ["sink", "features", "--apply-first"], "/readyz")
        every = ["--every", str(plan.promotion_every_s)]
        self.promotion = self._service("promotion", ["promote", "--auto", *every], "/livez")
        words = ["api", "--controls"] if plan.controls else ["api"]
        self.api = self._service("api", words, "/readyz/http")
        self.feed = self._service("feed", self._feed_arguments(), "/readyz", may_end=True)

    @property
    def engine(self) -> tuple[Service, ...]:
        """What has to work before market data flow."""
        return self.worker, self.sink, self.api

    @property
    def beside(self) -> tuple[Service, ...]:
        """What nothing waits for."""
        plan = self._plan
        wanted = (
            (self.heavy, plan.heavy),
            (self.features, plan.features),
            (self.promotion, not plan.lockstep),  # what it changes comes when it comes
        )
        return tuple(service for service, is_wanted in wanted if is_wanted)

    @property
    def all(self) -> tuple[Service, ...]:
        """Every service, in the order in which they stop."""
        return self.feed, self.worker, *self.beside, self.sink, self.api

    def _feed_arguments(self) -> list[str]:
        plan = self._plan
        summary = self._data.root / FEED_SUMMARY
        summary.unlink(missing_ok=True)
        words = ["feed", *plan.feed.arguments(), "--summary", str(summary)]
        if plan.seconds is not None:
            words += ["--seconds", str(plan.seconds)]
        return words + (["--rounds"] if plan.lockstep else [])

    def _service(
        self,
        name: str,
        arguments: list[str],
        probe: str,
        *,
        may_end: bool = False,
        lockstep: bool = False,
    ) -> Service:
        launch = Launch(
            arguments=arguments,
            log=self._data.log(name),
            ready=f"http://{LOOPBACK}:{self._ports[name]}{probe}",
            environment=self._environment(name, lockstep),
            may_end=may_end,
            once=name == "feed" and self._plan.lockstep,
        )
        return Service(name, launch)

    def _environment(self, name: str, lockstep: bool) -> Mapping[str, str]:
        settings = self._settings
        own = {"PYTHONPATH": _search_path()} if is_own(settings.strategy) else {}
        return own | {
            **NO_LOGIN_VARIABLES,
            "HEADRACE_APP": settings.app,
            "HEADRACE_PROFILE": settings.profile or "simulation",
            "HEADRACE_SIMULATION": settings.simulation,
            "HEADRACE_BROKERS": settings.brokers,
            "HEADRACE_PARTITIONS": str(settings.partitions),
            "HEADRACE_DATA": str(self._data.root),
            "HEADRACE_POSTGRES_URL": settings.postgres_url,
            "HEADRACE_REDIS_URL": settings.redis_url,
            "HEADRACE_OPS_PORT": str(self._ports[name]),
            "HEADRACE_API_PORT": str(self._api_port),
            "HEADRACE_API_TOKENS_FILE": self._tokens_file,
            "HEADRACE_OPS_URLS": ",".join((self.addresses.worker, self.addresses.sink)),
            "HEADRACE_STRATEGY": settings.strategy,
            "HEADRACE_STRATEGY_PARAMS": settings.strategy_params,
            "HEADRACE_STRATEGY_ACCOUNT": settings.strategy_account,
            "HEADRACE_PROMOTION": settings.promotion,
            "HEADRACE_INSTANCE": settings.instance or "up-1",
            "HEADRACE_LOCKSTEP": "1" if lockstep else "0",
            "PYTHONUNBUFFERED": "1",
        }


def _search_path() -> str:
    """Where a user's own strategy may lie: the directory in which `up` was started, and what was given."""
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([os.getcwd(), *([given] if given else [])])


def _tokens(data: DataDirectory, settings: Settings, plan: UpPlan) -> tuple[str, str]:
    """A token of this run and the file of its hash, unless the settings name a file: then its owner has the tokens."""
    if settings.api_tokens_file:
        return "", settings.api_tokens_file
    text, file = new_token("up", ("read", "operate") if plan.controls else ("read",))
    path = data.root / TOKENS
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(file.model_dump_json(indent=2))
    return text, str(path)
