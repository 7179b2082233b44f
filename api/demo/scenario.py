"""The table of scenarios, `scenarios.toml`, read; what each expects is lines of text, compared as they stand."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from streams.instruments import Instrument

TABLE = Path(__file__).with_name("scenarios.toml")


def _lines(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())


Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]


class Scenario(BaseModel):
    """One scenario on a symbol and an account of its own. tick, lot: decimal strings; maker, taker: 0.01 bp.

    The rest: see `scenarios.toml`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: str
    title: str
    market: Lines
    fills: Lines
    events: Lines
    net: str
    qty: str = "0"
    money: Lines = ()
    positions: Lines = ()
    tick: str = "0.1"
    lot: str = "0.001"
    maker: int = 200
    taker: int = 1200
    latency_ms: int = 0

    @property
    def account(self) -> str:
        """Its account."""
        return f"demo-{self.number}"

    @property
    def instrument(self) -> Instrument:
        """Its symbol."""
        return Instrument(
            symbol=f"{self.number.upper()}/USD.DEMO",
            base=self.number.upper(),
            quote="USD",
            venue="DEMO",
            tick=self.tick,
            lot=self.lot,
            latency_low_ms=self.latency_ms,
            latency_high_ms=self.latency_ms,
        )

    @property
    def expected(self) -> tuple[str, ...]:
        """Everything that must come of it, in the order of `outcome.lines`."""
        last = f"position {self.qty} net {self.net}"
        return (*self.fills, *self.events, *self.positions, *self.money, last)


def scenarios() -> tuple[Scenario, ...]:
    """All of them, in the order of the table."""
    table = tomllib.loads(TABLE.read_text())
    return tuple(Scenario.model_validate(entry) for entry in table["scenario"])
