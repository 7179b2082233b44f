"""What `control` says now: instruments, accounts, limits and switches, by key, as its records stand in the log."""

from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from api import answers, shapes
from api.follow import Follower
from api.problems import Problem
from streams.ids import Ref
from streams.instruments import Instrument
from streams.topics import CONTROL

KILL = "kill:"
LIMITS = "limits:"
ACCOUNT = "account:"
INSTRUMENT = "instrument:"


class Latest(NamedTuple):
    """The newest record of a key. tree: its JSON as it is, since this only shows it; an unreadable one is {}."""

    tree: dict[str, Any]
    at: Ref
    timestamp_ms: int


class ControlView:
    """Follows `control` from its start."""

    def __init__(self, brokers: str) -> None:
        self._follower = Follower(brokers, (CONTROL,), "start", self._take)
        self._records: dict[str, Latest] = {}
        self._instruments: dict[str, Instrument] = {}

    def start(self) -> None:
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()

    @property
    def is_current(self) -> bool:
        """Whether it has read all that was there."""
        return self._follower.is_current

    def below(self, prefix: str) -> dict[str, Latest]:
        """The records whose keys begin so, by the rest of the key. Raises Problem(503) until all is read."""
        if not self.is_current:
            raise Problem(503, "control is not read yet: Kafka does not answer, or not long enough")
        found = {k[len(prefix) :]: r for k, r in self._records.items() if k.startswith(prefix)}
        return dict(sorted(found.items()))

    def limits(self, account: str) -> dict[str, Any] | None:
        """The limits record of an account, as far as it is read."""
        found = self._records.get(LIMITS + account)
        return None if found is None else found.tree

    def instrument(self, symbol: str) -> Instrument | None:
        """As far as it is read."""
        return self._instruments.get(symbol)

    def symbols(self) -> list[str]:
        return sorted(self._instruments)

    def switches(self) -> list[answers.Switch]:
        """Every kill switch that was ever turned, the engaged ones first."""
        found = [_switch(scope, record) for scope, record in self.below(KILL).items()]
        return sorted(found, key=lambda switch: (not switch.engaged, switch.scope))

    def killed(self) -> list[str]:
        """Scopes whose switch is engaged, as far as it is read."""
        switches = [
            _switch(k[len(KILL) :], r) for k, r in self._records.items() if k.startswith(KILL)
        ]
        return sorted(switch.scope for switch in switches if switch.engaged)

    def killed_since_ms(self) -> dict[str, int]:
        """Of each engaged switch: when its record was written."""
        return {s: self._records[KILL + s].timestamp_ms for s in self.killed()}

    def _take(self, record: Any) -> None:
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self._records.pop(key, None)
            return
        at = Ref(record.topic, record.partition, record.offset)
        self._records[key] = Latest(_tree(record.value), at, record.timestamp)
        if key.startswith(INSTRUMENT):
            self._take_instrument(key[len(INSTRUMENT) :], self._records[key].tree)

    def _take_instrument(self, symbol: str, tree: dict[str, Any]) -> None:
        try:
            self._instruments[symbol] = Instrument.model_validate(tree.get("instrument"))
        except ValidationError:
            return  # the engine refuses it too, and keeps what it had


def _tree(value: bytes) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _switch(scope: str, record: Latest) -> answers.Switch:
    """An unreadable record counts as engaged: the engine refuses entries under its key."""
    tree = record.tree
    return answers.Switch(
        scope=scope,
        engaged=tree.get("action") != "resume",
        reason=str(tree.get("reason", "")),
        issuer=str(tree.get("issuer", "")),
        seq=int(tree.get("seq", 0)),
        time=shapes.rfc3339(record.timestamp_ms * 1_000_000),
        at=shapes.place(record.at),
    )
