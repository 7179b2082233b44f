"""What a drill found: what was lost and how long it took, against what is promised, and each thing that was checked."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from streams.instants import time_text

MINUTE_S, HOUR_S = 60.0, 3600.0


class Target(NamedTuple):
    """The most that may be lost (RPO) and the longest that it may take (RTO), in seconds; None: not of this part."""

    rpo_s: float | None
    rto_s: float


TARGETS: Mapping[str, Target] = {
    "history": Target(5 * MINUTE_S, 15 * MINUTE_S),
    "topics": Target(None, 10 * MINUTE_S),
    "latest": Target(1.0, 10 * MINUTE_S),
    "registry": Target(HOUR_S, 10 * MINUTE_S),
    "kill": Target(None, 60.0),
}
"""kill: until the last open order is cancelled. topics: nothing of a lost topic comes back by itself."""


class Check(NamedTuple):
    """One thing that must hold after a recovery."""

    name: str
    holds: bool
    detail: str = ""


@dataclass
class Report:
    """One drill. rpo_s, rto_s: as measured, seconds. notes: what was not done, and what cannot come back."""

    part: str
    began_ns: int = field(default_factory=time.time_ns)
    rpo_s: float | None = None
    rto_s: float = 0.0
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=lambda: {"headrace": version("headrace")})
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        return TARGETS[self.part]

    @property
    def passes(self) -> bool:
        """Every check holds, there was one, and both times are within their targets."""
        rpo, rto = self.target
        in_time = self.rto_s <= rto and (
            rpo is None or (self.rpo_s is not None and self.rpo_s <= rpo)
        )
        return bool(self.checks) and all(check.holds for check in self.checks) and in_time

    def check(self, name: str, holds: bool, detail: str = "") -> None:
        """Note whether something holds."""
        self.checks.append(Check(name, holds, detail))

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """What happens within is the recovery, whose time counts."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.rto_s += time.monotonic() - began

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        found = asdict(self)
        del found["began_ns"]
        return {
            "part": self.part,
            "began": time_text(self.began_ns),
            "verdict": "passed" if self.passes else "failed",
            "rpo_target_s": self.target.rpo_s,
            "rto_target_s": self.target.rto_s,
            **found,
            "checks": [check._asdict() for check in self.checks],
        }

    def write(self, directory: Path) -> Path:
        """As `drill-<part>-<utc>.json` in this directory."""
        directory.mkdir(parents=True, exist_ok=True)
        utc = time_text(self.began_ns)[:19].replace("-", "").replace(":", "")
        file = directory / f"drill-{self.part}-{utc}Z.json"
        file.write_text(json.dumps(self.content(), indent=2) + "\n")
        return file
