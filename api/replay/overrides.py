"""Other limits and costs than the recorded ones: the records of `control` with some of their fields replaced."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from api.ending import Ended, invalid
from streams import control
from streams.codec import Undecodable
from streams.exits import Exit

RATES = ("maker_rate", "taker_rate")
"""Of an account, in 0.01 basis points."""

LATENCIES = ("latency_low_ms", "latency_high_ms")
"""Of an instrument, in ms of event time."""


def load(path: Path | None) -> dict[str, Any]:
    """The fields in a JSON or TOML file. Raises Ended."""
    if path is None:
        return {}
    try:
        text = path.read_text()
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise Ended(Exit.USAGE, f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Ended(Exit.USAGE, f"{path} holds no fields")
    return found


def check(limits: Mapping[str, Any], costs: Mapping[str, Any]) -> None:
    """Raises Ended where a field does not exist or a value cannot be."""
    unknown = sorted(costs.keys() - {*RATES, *LATENCIES})
    if unknown:
        raise Ended(
            Exit.USAGE, f"no cost {', '.join(unknown)}; there are {', '.join(RATES + LATENCIES)}"
        )
    try:
        control.Limits.model_validate({"account": "any", **limits})
        control.Account.model_validate({"account": "any", **_of(costs, RATES)})
    except ValidationError as error:
        raise Ended(Exit.USAGE, invalid(error)) from error


def applied(
    value: bytes | None, limits: Mapping[str, Any], costs: Mapping[str, Any]
) -> bytes | None:
    """The bytes of a control record with these fields; as they are where none of them is in it."""
    if value is None or not (limits or costs):
        return value
    try:
        record = control.decode(value)
    except Undecodable:
        return value
    match record:
        case control.Limits():
            return control.encode(_with(record, limits))
        case control.Account():
            return control.encode(_with(record, _of(costs, RATES)))
        case control.InstrumentRecord():
            instrument = _with(record.instrument, _of(costs, LATENCIES))
            return control.encode(control.InstrumentRecord(instrument=instrument))
    return value


def _of(costs: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: costs[name] for name in names if name in costs}


def _with(record: Any, fields: Mapping[str, Any]) -> Any:
    assert isinstance(record, BaseModel)
    return type(record).model_validate({**record.model_dump(), **fields})
