"""`headrace kill`: the kill switch, a latched record on `control` that risk obeys and that cancels resting orders."""

import asyncio
import getpass
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import ValidationError

from api import locate, producing, reference
from api.ending import Ended, invalid, plainly
from streams import control
from streams.codec import Undecodable
from streams.exits import Exit
from streams.ids import Ref


class Switch(StrEnum):
    """on: no entries, resting orders are cancelled; off: trading resumes."""

    ON = "on"
    OFF = "off"


def kill(
    switch: Annotated[Switch, typer.Argument(help="on stops trading, off resumes it")],
    reason: Annotated[str, typer.Option(help="Why; it stands in every decision and in the log.")],
    scope: Annotated[str, typer.Option(help="global, account:ID or symbol:SYMBOL")] = "global",
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Stop trading in a scope at once, or resume it. It holds until it is switched off, over restarts too."""
    with plainly():
        record, place = asyncio.run(
            _publish(locate.settings(brokers, data).brokers, switch, scope, reason)
        )
    typer.echo(f"{record.action} {record.scope} as number {record.seq}, at control@{place.offset}")


async def _publish(
    brokers: str, switch: Switch, scope: str, reason: str
) -> tuple[control.Kill, Ref]:
    number = await _last_number(brokers, scope) + 1
    try:
        record = control.Kill(
            scope=scope,
            action="kill" if switch is Switch.ON else "resume",
            reason=reason,
            seq=number,
            issuer=getpass.getuser(),
        )
    except ValidationError as error:
        raise Ended(Exit.REFUSED, f"not sent: {invalid(error)}") from error
    async with producing.producer(brokers) as to:
        return record, await producing.send_control(to, record)


async def _last_number(brokers: str, scope: str) -> int:
    """The number of the newest switch record of this scope; 0 before the first."""
    value = (await reference.latest(brokers)).get(f"kill:{scope}")
    try:
        record = None if value is None else control.decode(value)
    except Undecodable as error:
        raise Ended(
            Exit.REFUSED,
            f"the record under kill:{scope} is unreadable ({error}); it must be mended first",
        ) from error
    return record.seq if isinstance(record, control.Kill) else 0
