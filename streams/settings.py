"""Settings of every process, read from `HEADRACE_*` variables once, by the composition roots alone."""

from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams import login, modes
from streams.modes import Simulation
from streams.secret import SecretFile
from streams.stores import StoreUrl


class Settings(BaseSettings):
    """One field per variable: `HEADRACE_BROKERS`, `HEADRACE_PARTITIONS`, ..."""

    model_config = SettingsConfigDict(
        env_prefix="HEADRACE_", extra="ignore", validate_by_name=True, validate_by_alias=True
    )

    app: str = Field(
        default="headrace",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="consumer group and transactional ids",
    )
    brokers: str = Field(
        default="127.0.0.1:9092", description="Kafka bootstrap servers, comma separated"
    )
    kafka_security: login.Protocol = Field(
        default="PLAINTEXT",
        description="SASL_SSL: TLS with host name check, and SCRAM-SHA-512; the next three are needed then",
    )
    kafka_user: str = Field(default="", description="this process's principal at the brokers")
    kafka_password_file: str = Field(
        default="", description="its password; for this user's eyes alone, read at each connection"
    )
    kafka_ca_file: str = Field(
        default="", description="certificates (PEM) of those who may sign for brokers"
    )
    partitions: int = Field(
        default=4, ge=1, description="partitions of the symbol and account topics, fixed for life"
    )
    generation: int = Field(
        default=1, ge=1, description="log generation in every id; raised when topics are re-created"
    )
    instance: str = Field(
        default="", description="static group membership: a stable name of this worker"
    )
    data: Path = Field(
        default=Path(".headrace"), description="where the embedded parts keep their data"
    )
    chunk_records: int = Field(
        default=10_000, ge=1, description="records of one cell in one transaction, at most"
    )
    session_timeout_s: float = Field(
        default=6.0, gt=0, description="a silent worker loses its partitions after this"
    )
    strategy: str = Field(
        default="none",
        description="who sends orders: none, signal, reversion, or your own as package.module:Class",
    )
    strategy_params: str = Field(
        default="", description="parameters of the strategy: name=value, comma separated"
    )
    strategy_account: str = Field(
        default="paper", description="the account that the strategist trades"
    )
    only: str = Field(
        default="", description="route groups of this worker, comma separated; empty: all"
    )
    lockstep: bool = Field(
        default=False,
        description="one chunk at a time in a fixed order: a run repeats to equal hashes",
    )
    host: str = Field(
        default="127.0.0.1",
        description="address that the ops port and the status API listen on; in a pod 0.0.0.0",
    )
    ops_port: int = Field(
        default=0,
        ge=0,
        description="port of /metrics, /livez, /readyz of worker and sink; 0: a free one",
    )
    ops_urls: str = Field(
        default="",
        description="ops ports that the status API polls, comma separated: http://127.0.0.1:8001,...",
    )
    profile: str = Field(
        default="",
        description="simulation, staging or production; without one no worker starts, `headrace up` is a simulation",
    )
    simulation: str = Field(
        default="",
        description="on: accounts in mode production are simulated too; not in production",
    )
    allow_insecure_defaults: str = Field(
        default="",
        description="true: start though something is insecure, and say so on a gauge; false: refuse; absent: true in a"
        " simulation, false in staging; production refuses any value",
    )
    require_tls: bool = Field(
        default=False, description="refuse plain links to Kafka, history, latest state and API"
    )
    require_tokens: bool = Field(default=False, description="refuse a status API without tokens")
    namespace: str = Field(
        default="", description="of Kubernetes; one that ends in prod starts in production alone"
    )
    api_port: int = Field(default=8000, ge=0, description="port of the status API")
    api_url: str = Field(
        default="",
        description="where people reach the status API: https://...; TLS ends at the ingress",
    )
    api_tokens_file: str = Field(
        default="",
        description="hashes of the bearer tokens of the status API; empty: it refuses all",
    )
    coingecko_key_file: str = Field(
        default="", description="CoinGecko's demo key for `headrace backfill`; empty: without one"
    )
    promotion: str = Field(
        default="",
        description="settings of the promotion gate that differ from its own: name=value, comma separated",
    )
    registry_key_file: str = Field(
        default="",
        description="key that signs versions of models; with one, unsigned versions are not loaded",
    )
    postgres_url: str = Field(default="", description="history; empty: none")
    postgres_password_file: str = Field(
        default="", description="the password for it, read at each connection; then none in the URL"
    )
    redis_url: str = Field(default="", description="latest state; empty: none")
    redis_password_file: str = Field(
        default="", description="the password for it, read at each connection; then none in the URL"
    )
    require_timescale: bool = Field(
        default=False,
        validation_alias=AliasChoices("HEADRACE_REQUIRE_TIMESCALE", "HEADRACE_REQUIRE_TIMESCALEDB"),
        description="refuse a plain PostgreSQL",
    )
    replication: int = Field(
        default=1, ge=1, description="replicas that a topic must have; production 3"
    )
    two_person_release: bool = Field(
        default=False, description="a kill switch is released by two people within 15 minutes"
    )
    crash: str = Field(
        default="", description="point:n, end the process there at the n-th passage; tests only"
    )

    @model_validator(mode="after")
    def _log_in(self) -> Self:
        # In place, so that what was given and what is a default stay told apart.
        if self.kafka_security == "SASL_SSL":
            self.__dict__["brokers"] = self.at(self.brokers)
        for store in ("postgres", "redis"):
            url, file = getattr(self, f"{store}_url"), getattr(self, f"{store}_password_file")
            if file:
                self.__dict__[f"{store}_url"] = StoreUrl(url, SecretFile(Path(file)))
        return self

    def at(self, brokers: str) -> str:
        """Bootstrap servers, with our login where these settings have one. Raises SecretRefused."""
        if self.kafka_security == "PLAINTEXT":
            return brokers
        ours = login.login(self.kafka_user, self.kafka_password_file, self.kafka_ca_file)
        return login.Brokers(brokers, ours)

    @property
    def gate(self) -> Simulation:
        """What this process may trade."""
        return modes.read(self.profile, self.simulation, self.namespace)


NO_LOGIN = {"kafka_security": "PLAINTEXT", "postgres_password_file": "", "redis_password_file": ""}
"""Of servers that we start ourselves: what the environment says of logins is meant for others."""

NO_LOGIN_VARIABLES = {f"HEADRACE_{name.upper()}": value for name, value in NO_LOGIN.items()}
"""The same, for a process that we start beside them."""


def embedded(**given: Any) -> Settings:
    """Settings for servers that we start ourselves."""
    return Settings(**{**NO_LOGIN, **given})
