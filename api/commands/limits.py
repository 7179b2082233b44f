"""`headrace limits`: an account's limits, and the record that lifts the latches that no new day lifts."""

import asyncio
import getpass
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from api import locate, producing, reference
from api.ending import Ended, invalid, plainly
from streams import control
from streams.exits import Exit

limits = typer.Typer(help="Set an account's limits; lift a latch.", no_args_is_help=True)
Account = Annotated[str, typer.Option(help="The account's id.")]


@limits.command("set")
def set_(
    account: Account,
    profile: Annotated[
        str, typer.Option(help="The shipped profile: default, house, careful or active.")
    ] = "default",
    change: Annotated[
        list[str] | None,
        typer.Option(help="A limit that differs from the profile, as NAME=VALUE; repeat it."),
    ] = None,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Put limits in force, in place of those that the account had."""
    with plainly():
        record = _limits(account, profile, change or ())
        _send(locate.settings(brokers, data).brokers, record)


@limits.command()
def resume(
    account: Account,
    reason: Annotated[str, typer.Option(help="Why; it stands in the decision and in the log.")],
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Lift the latches of drawdown and margin; from here on the fall is counted anew."""
    with plainly():
        to = locate.settings(brokers, data).brokers
        number = asyncio.run(reference.last_number(to, f"resume:{account}")) + 1
        fields = {"account": account, "reason": reason, "seq": number, "issuer": getpass.getuser()}
        _send(to, _checked(control.Resume, fields))


def _limits(account: str, profile: str, changes: Sequence[str]) -> control.Record:
    fields: dict[str, Any] = {"account": account, "profile": profile}
    for change in changes:
        name, _, text = change.partition("=")
        amount = name.endswith("_max") and not name.endswith("orders_max")
        fields[name] = text if amount else _value(name, text)
    return _checked(control.Limits, fields)


def _value(name: str, text: str) -> Any:
    """A number, true or false, or the object of `symbols`."""
    try:
        return json.loads(text)
    except ValueError:
        raise Ended(Exit.REFUSED, f"not sent: {name} is neither a number nor JSON") from None


def _checked(
    model: type[control.Limits | control.Resume], fields: dict[str, Any]
) -> control.Record:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise Ended(Exit.REFUSED, f"not sent: {invalid(error)}") from error


def _send(brokers: str, record: control.Record) -> None:
    place = asyncio.run(_append(brokers, record))
    typer.echo(f"{control.key(record)} at control@{place}")


async def _append(brokers: str, record: control.Record) -> int:
    async with producing.producer(brokers) as to:
        return (await producing.send_control(to, record)).offset
