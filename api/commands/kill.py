"""`headrace kill`: the kill switch, a latched record on `control` that risk obeys and that cancels resting orders."""

import asyncio
import getpass
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import ValidationError

from api import locate, producing, reference
from api.ending import Ended, invalid, plainly
from api.kill_watch import Effects, KillWatch
from streams import control, log
from streams.exits import Exit
from streams.ids import Ref

UNKNOWN = 75
"""The record is in the log; whether it has had all its effects is not known."""


class Switch(StrEnum):
    """on: no entries, resting orders are cancelled; off: trading resumes."""

    ON = "on"
    OFF = "off"


def kill(
    switch: Annotated[Switch, typer.Argument(help="on stops trading, off resumes it")],
    reason: Annotated[str, typer.Option(help="Why; it stands in every decision and in the log.")],
    scope: Annotated[
        str, typer.Option(help="global, account:ID, symbol:SYMBOL or strategy:NAME")
    ] = "global",
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Cancel protective orders too and close positions.")
    ] = False,
    wait_seconds: Annotated[
        float, typer.Option(help="How long to watch its effects; 0: send it and leave.")
    ] = 10.0,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Stop trading in a scope at once, or resume it. It holds until it is switched off, over restarts too.

    Exits 0 when all its effects were seen, 75 when the record is in the log and some were not seen in time.
    """
    with plainly():
        to = locate.settings(brokers, data).brokers
        effects = asyncio.run(_switch(to, _Throw(switch, scope, reason, flatten), wait_seconds))
        if effects is not None:
            _show(effects)


@dataclass(frozen=True)
class _Throw:
    """What was asked for."""

    switch: Switch
    scope: str
    reason: str
    flatten: bool


async def _switch(brokers: str, throw: _Throw, wait_seconds: float) -> Effects | None:
    async with log.reader(brokers) as consumer:
        watch = KillWatch(consumer)
        cells = await watch.place()
        record, place = await _publish(brokers, throw)
        typer.echo(
            f"{record.action} {record.scope} as number {record.seq}, at control@{place.offset}"
        )
        if not wait_seconds:
            return None
        return await watch.follow(place, cells, wait_seconds)


def _show(effects: Effects) -> None:
    """One line a phase; raises Ended for what has not been seen."""
    if effects.blocked_s is None:
        have = len(effects.applied)
        raise Ended(UNKNOWN, f"applied by {have} of {effects.cells} partitions so far")
    typer.echo(f"applied    {effects.blocked_s:6.2f} s  by {effects.cells} partitions")
    _phase("cancelled", effects.cancelled_s, effects.cancelled, effects.ended)
    if effects.closing:
        _phase("flattened", effects.flattened_s, effects.closing, effects.ended)


def _phase(name: str, seconds: float | None, orders: set[str], ended: set[str]) -> None:
    if seconds is None:
        raise Ended(UNKNOWN, f"{name}: {len(orders & ended)} of {len(orders)} orders so far")
    typer.echo(f"{name:9}  {seconds:6.2f} s  {len(orders)} orders")


async def _publish(brokers: str, throw: _Throw) -> tuple[control.Kill, Ref]:
    number = await reference.last_number(brokers, f"kill:{throw.scope}") + 1
    try:
        record = control.Kill(
            scope=throw.scope,
            action="kill" if throw.switch is Switch.ON else "resume",
            reason=throw.reason,
            flatten=throw.flatten,
            seq=number,
            issuer=getpass.getuser(),
        )
    except ValidationError as error:
        raise Ended(Exit.REFUSED, f"not sent: {invalid(error)}") from error
    async with producing.producer(brokers) as to:
        return record, await producing.send_control(to, record)
