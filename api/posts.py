"""What the controls process is asked for by POST, and what it answers, as pydantic models."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.answers import Place, Shown
from streams import control
from streams.instruments import SYMBOL

MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
SCOPE: str = control.Kill.model_json_schema()["properties"]["scope"]["pattern"]


class KillRequest(BaseModel):
    """What `POST /v1/kill-switch` takes."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    scope: str = Field(pattern=SCOPE)
    action: Literal["engage", "release"]
    reason: str = Field(min_length=1, max_length=200)
    flatten: bool = False


class KillAnswer(Shown):
    scope: str
    action: str
    seq: int
    at: Place


class ResetRequest(BaseModel):
    """What `POST /v1/breakers/{name}/reset` takes."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    reason: str = Field(min_length=1, max_length=200)


class ResetAnswer(Shown):
    symbol: str
    at: Place


class ReplayRequest(BaseModel):
    """What `POST /v1/replays` takes: options of `headrace replay`. since, until: event time, RFC 3339."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    run_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    since: str | None = Field(default=None, pattern=MOMENT)
    until: str | None = Field(default=None, pattern=MOMENT)
    symbols: list[Annotated[str, Field(pattern=f"^{SYMBOL.pattern}$")]] = Field(
        default=[], max_length=100
    )
    strategy: str = Field(default="none", pattern=r"^[a-z][a-z_]{0,31}$")
    params: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")],
        Annotated[str, Field(pattern=r"^[A-Za-z0-9._/:+-]{1,64}$")],
    ] = Field(default={}, max_length=20)

    def words(self) -> list[str]:
        """As the command takes them."""
        given = {"--from": self.since, "--to": self.until, "--symbols": ",".join(self.symbols)}
        words = [word for option, text in given.items() if text for word in (option, text)]
        for name, value in self.params.items():
            words += ["--param", f"{name}={value}"]
        return [*words, "--strategy", self.strategy]


class ReplayAnswer(Shown):
    run_id: str
    state: str
