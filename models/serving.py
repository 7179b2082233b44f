"""Which versions of a model are alive at an event time, and which one of them serves."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from models.online import versions
from streams.predictions import Alias, ModelVersion

MINUTE_NS = 60 * 1_000_000_000
CANARY_PARTS = 10_000
ALIASES_KEPT = 8
"""Of one model: those to come, the one in force, and those to fall back to where its champion cannot be loaded."""

Role = Literal["champion", "challenger", "shadow"]
Unavailable = str
"""Why a version cannot be answered for here: `model_missing` or `format_unsupported`."""


class Scorer(Protocol):
    """A batch version, loaded."""

    def predict(self, vector: Sequence[float]) -> float: ...


class Scorers(Protocol):
    """Where batch versions come from, checked; a worker's composition root knows one."""

    def get(self, version: ModelVersion) -> Scorer | Unavailable:
        """The version ready to answer, or why it is not, now or for good."""


class NoScorers:
    """For cells without files of models: replays, tests and workers without a registry."""

    def get(self, version: ModelVersion) -> Scorer | Unavailable:
        return "model_missing"


class Version(NamedTuple):
    """A batch version, and what answers for it."""

    record: ModelVersion
    scorer: Scorer | Unavailable


class Aliases(msgspec.Struct, frozen=True, gc=False):
    """The last aliases of one model, by epoch. late: the newest came after its event time and is not yet told of."""

    known: tuple[Alias, ...] = ()
    late: bool = False

    def after(self, alias: Alias, clock_ns: int) -> "Aliases":
        """With one more; one of no higher epoch comes from someone who has been replaced, and changes nothing."""
        if self.known and alias.epoch <= self.known[-1].epoch:
            return self
        late = bool(clock_ns) and alias.effective_from <= clock_ns
        return Aliases((*self.known, alias)[-ALIASES_KEPT:], late)


class Serving(NamedTuple):
    """What serves at an event time. refused: champions of newer aliases that cannot be loaded here."""

    alias: Alias
    refused: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Every version that the alias names, the champion first, each once."""
        alias = self.alias
        names = (alias.champion, alias.challenger, *alias.shadows, alias.previous)
        return tuple(dict.fromkeys(filter(None, names)))

    def is_canary(self, symbol: str, time: int) -> bool:
        """Whether this symbol's minute is served by the challenger."""
        alias = self.alias
        if not alias.challenger or not alias.canary_fraction > 0:
            return False
        text = f"{alias.model}|{symbol}|{time // MINUTE_NS}"
        place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % CANARY_PARTS
        return place < alias.canary_fraction * CANARY_PARTS

    def role(self, version: str) -> Role:
        """The part of a version in this alias."""
        if version == self.alias.champion:
            return "champion"
        return "challenger" if version == self.alias.challenger else "shadow"


def default(model: str) -> Alias:
    """What serves before anybody has said anything."""
    return Alias(model=model, epoch=0, champion=versions.LIN, effective_from=0, action="start")


def at(model: str, aliases: Aliases, time: int, is_there: Callable[[str], bool]) -> Serving:
    """What serves a record of that event time: the newest alias in force whose champion is there."""
    refused: list[str] = []
    for alias in reversed(aliases.known):
        if alias.effective_from <= time:
            if is_there(alias.champion):
                return Serving(alias, tuple(refused))
            refused.append(alias.champion)
    return Serving(default(model), tuple(refused))
