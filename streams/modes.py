"""The simulation gate: which accounts may trade under which profile and flag, as a table; read at start and by risk.

Every order is simulated: no transport to a venue exists. The gate keeps an account that is meant for production from
being simulated where production runs, and anything unclear from trading at all.
"""

from typing import Literal, NamedTuple

Profile = Literal["simulation", "staging", "production", ""]
Flag = Literal["on", "off", "unreadable"]
Answer = Literal["SIM", "REFUSE", "REFUSE_START"]

SIM: Answer = "SIM"
REFUSE: Answer = "REFUSE"
REFUSE_START: Answer = "REFUSE_START"

PROFILES: dict[str, Profile] = {
    "simulation": "simulation",
    "staging": "staging",
    "production": "production",
    "prod": "production",
    "live": "production",
}
"""Names of `HEADRACE_PROFILE` in any case; another name, or none, is no profile."""

FLAGS: dict[str, Flag] = {
    "": "off", "off": "off", "false": "off", "no": "off", "0": "off",
    "on": "on", "true": "on", "yes": "on", "1": "on",
}  # fmt: skip
"""Values of `HEADRACE_SIMULATION` in any case; anything else is unreadable."""

_OFF = {"sim": SIM, "production": REFUSE, "": REFUSE}
_ON = {"sim": SIM, "production": SIM, "": REFUSE}
_NEVER = {"sim": REFUSE_START, "production": REFUSE_START, "": REFUSE_START}

TABLE: dict[tuple[Profile, Flag], dict[str, Answer]] = {
    ("simulation", "on"): _ON,
    ("simulation", "off"): _OFF,
    ("simulation", "unreadable"): _NEVER,
    ("staging", "on"): _ON,
    ("staging", "off"): _OFF,
    ("staging", "unreadable"): _NEVER,
    ("production", "on"): _NEVER,
    ("production", "off"): _OFF,
    ("production", "unreadable"): _NEVER,
    ("", "on"): _NEVER,
    ("", "off"): _NEVER,
    ("", "unreadable"): _NEVER,
}
"""(profile, flag) -> mode of the account -> answer; mode "" is a missing or unknown one."""


class Simulation(NamedTuple):
    """Under which profile and flag a process runs."""

    profile: Profile = "simulation"
    flag: Flag = "off"

    def answer(self, mode: str) -> Answer:
        """What the gate says to an account of this mode."""
        of = TABLE[self.profile, self.flag]
        return of.get(mode, of[""])

    @property
    def starts(self) -> bool:
        """Whether a process may run at all."""
        return self.answer("sim") != REFUSE_START

    @property
    def fixes_modes(self) -> bool:
        """In production the mode of an account never changes."""
        return self.profile == "production"


LOCAL = Simulation()
"""What a laptop runs: accounts in mode `sim` trade, all others are refused."""


def read(profile: str, flag: str, namespace: str = "") -> Simulation:
    """The gate of two settings as they stand in the environment.

    namespace: of Kubernetes; one that ends in `prod` runs production and nothing else.
    """
    named = PROFILES.get(profile.lower(), "")
    if namespace.endswith("prod") and named != "production":
        named = ""
    return Simulation(named, FLAGS.get(flag.lower(), "unreadable"))
