"""`headrace order`: sends one order by the contract of `orders` and shows what becomes of it."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from rich.console import Console

from api import locate, order_form, producing
from api.ending import Ended, plainly
from api.order_form import OrderForm
from api.order_watch import Life, Step, Watch
from streams import codec, log
from streams.exits import Exit
from streams.ids import Ref
from streams.instants import time_text
from streams.messages import DeadLetter, Decision, Fill, OrderEvent
from streams.topics import ORDERS

UNKNOWN = 75
"""The outcome is not known; the same command under the same id may be sent again."""

output = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Sending:
    """One command to send: its bytes, its key, its id, what sends it again, and how to show what follows."""

    value: bytes
    account: str
    client_order_id: str
    again: str
    wait_s: float
    as_json: bool


def order(
    account: Annotated[str, typer.Option(help="Account; the record's key.")],
    symbol: Annotated[str, typer.Option(help="Symbol, as BTC/USD.KRAKEN.")] = "",
    side: Annotated[str, typer.Option(help="buy or sell")] = "",
    quantity: Annotated[str | None, typer.Option(help="Quantity in units of the base.")] = None,
    limit: Annotated[str | None, typer.Option(help="Limit price; makes it a limit order.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop price; makes it a stop order.")] = None,
    trail: Annotated[
        str | None, typer.Option(help="Ticks, or as 50bps; makes it a trailing stop.")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option(help="What sets off a stop: quote, trade or mark.")
    ] = None,
    stop_loss: Annotated[str | None, typer.Option(help="Protective stop of a bracket.")] = None,
    stop_loss_trail: Annotated[
        str | None, typer.Option(help="In its place: a stop that trails, as --trail.")
    ] = None,
    take_profit: Annotated[str | None, typer.Option(help="Profit target of a bracket.")] = None,
    type: Annotated[
        str | None, typer.Option(help="Else it follows from the prices that are given.")
    ] = None,
    tif: Annotated[str | None, typer.Option(help="GTC, IOC, FOK or GTD.")] = None,
    expire: Annotated[str | None, typer.Option(help="When it expires, RFC 3339 in UTC.")] = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Never take.")] = False,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Only reduce.")] = False,
    protection_bps: Annotated[
        int | None, typer.Option(help="How much worse than the mark it may fill.")
    ] = None,
    oco: Annotated[str | None, typer.Option(help="Group: one fill cancels the others.")] = None,
    ouo: Annotated[str | None, typer.Option(help="Group: a fill shrinks the others.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Lives once the order of this id has filled.")
    ] = None,
    nav_bps: Annotated[
        int | None, typer.Option(help="In place of a quantity: a share of NAV.")
    ] = None,
    edge_bps: Annotated[str | None, typer.Option(help="Expected return, with --nav-bps.")] = None,
    volatility: Annotated[str | None, typer.Option(help="Yearly, with --nav-bps.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Name of the strategy.")] = None,
    cancel: Annotated[
        str | None, typer.Option(help="Cancel the order of this id, or * for all, instead.")
    ] = None,
    replace: Annotated[
        str | None, typer.Option(help="Change the order of this id to what is given, instead.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="client_order_id, the idempotency key.")] = None,
    created_at: Annotated[
        str | None, typer.Option(help="When it was first sent; goes with --id to send it again.")
    ] = None,
    raw: Annotated[str | None, typer.Option(help="Send this text in place of a command.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show what becomes of it.")] = False,
    wait_seconds: Annotated[float, typer.Option(help="How long --wait waits.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Send an order; quantities and prices go to the engine as they are typed, and its answer names what is wrong.

    Exits 0 when sent (with --wait: accepted), 1 when rejected, 75 when the outcome is unknown.
    """
    form = OrderForm(
        symbol=symbol, side=side, quantity=quantity, type=type, limit=limit, stop=stop, trail=trail,
        trigger=trigger, tif=tif, expire=expire, post_only=post_only, reduce_only=reduce_only,
        protection_bps=protection_bps, stop_loss=stop_loss, stop_loss_trail=stop_loss_trail,
        take_profit=take_profit, oco=oco, ouo=ouo, after=after, nav_bps=nav_bps,
        edge_bps=edge_bps, volatility=volatility, strategy=strategy,
    )  # fmt: skip
    now = time.time_ns()
    client_order_id = id if id is not None else f"cli-{now}"
    created = created_at if created_at is not None else time_text(now)
    tree = {
        "v": 1,
        "account": account,
        "client_order_id": client_order_id,
        "created_at": created,
        **_command(form, cancel, replace),
    }
    value = json.dumps(tree).encode() if raw is None else raw.encode()
    again = f"--id {client_order_id} --created-at {created}"
    wait_s = wait_seconds if wait else 0.0
    sending = Sending(value, account, client_order_id, again, wait_s, as_json)
    with plainly():
        code = asyncio.run(_send(locate.settings(brokers, data).brokers, sending))
    raise typer.Exit(code)


def _command(form: OrderForm, cancel: str | None, replace: str | None) -> dict[str, Any]:
    if cancel is not None:
        return order_form.cancel(cancel, form)
    return order_form.new(form) if replace is None else order_form.replace(replace, form)


async def _send(brokers: str, sending: Sending) -> int:
    async with log.reader(brokers) as consumer:
        watch = Watch(consumer)
        await watch.place()
        command = await _append(brokers, sending)
        _show_sent(sending, command)
        if not sending.wait_s:
            return Exit.CLEAN
        life = Life(command, sending.account, sending.client_order_id)
        async for step in watch.follow(life, sending.wait_s):
            _show(step, sending.as_json)
    return _judge(life, sending)


async def _append(brokers: str, sending: Sending) -> Ref:
    async with producing.producer(brokers) as to:
        try:
            return await producing.send(to, ORDERS, sending.account, sending.value)
        except MessageSizeTooLargeError as error:
            raise Ended(Exit.REFUSED, f"refused: {error}; nothing was sent") from error
        except (KafkaError, KafkaConnectionError, TimeoutError) as error:
            raise Ended(
                UNKNOWN, _unknown(sending, f"the broker did not confirm ({error!r})")
            ) from error


def _judge(life: Life, sending: Sending) -> int:
    if life.decision is None and not life.refusal:
        what = f"no decision within {sending.wait_s:g} s; the command is in the log, is a worker running?"
        raise Ended(UNKNOWN, _unknown(sending, what))
    if life.refusal:
        return 1
    if not life.is_over and not sending.as_json:
        output.print(f"still open after {sending.wait_s:g} s", style="yellow")
    return Exit.CLEAN


def _unknown(sending: Sending, why: str) -> str:
    return f"outcome unknown: {why}; send again with the same id: {sending.again}"


def _show_sent(sending: Sending, command: Ref) -> None:
    place = f"{command.topic}[{command.partition}]@{command.offset}"
    if sending.as_json:
        output.print(
            codec.encode({"sent": command, "client_order_id": sending.client_order_id}).decode(),
            markup=False,
        )
    else:
        output.print(
            f"sent      {sending.account} {sending.client_order_id} at {place}", markup=False
        )


def _show(step: Step, as_json: bool) -> None:
    if as_json:
        name = {Decision: "decision", OrderEvent: "event", Fill: "fill", DeadLetter: "dead_letter"}
        line = codec.encode({name[type(step)]: step}).decode()
    else:
        line = describe(step)
    output.print(line, markup=False)


def describe(step: Step) -> str:
    """One line a person can read."""
    match step:
        case Decision():
            words = [step.outcome, step.reason, step.detail, _named("order", step.order_id)]
            words += [_named("reserved", step.reserved)]
            head = "decision"
        case OrderEvent():
            words = [step.state, step.side, step.qty, _named("filled", step.filled)]
            words += [_named("price", step.price), _named("stop", step.stop_price), step.reason]
            words += [_named("of", step.order_id) if step.parent_id else ""]
            head = "event"
        case Fill():
            cause = f"{step.cause.topic}[{step.cause.partition}]@{step.cause.offset}"
            words = [step.side, step.qty, "at", step.price, step.liquidity, _named("fee", step.fee)]
            words += [f"by {cause}"]
            head = "fill"
        case DeadLetter():
            words = [step.reason, step.error]
            head = "refused"
    return f"{head:9} " + " ".join(word for word in words if word)


def _named(name: str, value: str) -> str:
    return f"{name} {value}" if value else ""
