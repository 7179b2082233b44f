"""What is current: accounts, positions, open orders and marks, from the latest state, else from SQL."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from api import answers, parameters, shapes
from api.access.guard import need, token_of
from api.access.tokens import Token, Tokens
from api.control_view import ControlView
from api.current import Current, CurrentReader
from api.paging import decode, encode
from api.parameters import ACCOUNT_, PAGED, SYMBOL_, Given
from api.problems import Problem, bad_parameter
from api.respond import respond
from streams.messages import Mark, OrderEvent, Position
from streams.topics import EVENTS, MARKS, POSITIONS

KNOWN = (ACCOUNT_, SYMBOL_, *PAGED)
M = TypeVar("M", Position, OrderEvent)


async def positions(request: Request) -> Response:
    """A page of positions, with the cash of their accounts."""
    given = Given(request, KNOWN)
    _check_account(request, given)
    reader = _reader(request)
    current = await reader.read("position", "account")
    marks = await _marks_by_symbol(reader)
    held = _select(current, "position", POSITIONS.decode, given, token_of(request))
    cash = _select(current, "account", POSITIONS.decode, given, token_of(request), by_symbol=False)
    page, cursor = _page(request, given, held)
    answer = answers.Positions(
        source=current.source,
        as_of=current.as_of,
        positions=[_position(request, message, marks) for message in page],
        accounts=[shapes.account(message) for message in cash[: parameters.LIMIT_MAX]],
    )
    return respond(request, answer, next_cursor=cursor)


async def account(request: Request) -> Response:
    """One account with its positions and limits."""
    Given(request, ())
    name = parameters.path(request, ACCOUNT_)
    need(request, name)
    reader = _reader(request)
    current = await reader.read("position", "account")
    found = [m for m in map(POSITIONS.decode, current.values["account"]) if m.account == name]
    if not found:
        raise Problem(404, f"no account {name}")
    marks = await _marks_by_symbol(reader)
    held = [m for m in map(POSITIONS.decode, current.values["position"]) if m.account == name]
    answer = answers.AccountDetail(
        source=current.source,
        as_of=current.as_of,
        account=shapes.account(found[0]),
        positions=[_position(request, m, marks) for m in sorted(held, key=_key)],
        limits=_control(request).limits(name),
    )
    return respond(request, answer)


async def orders(request: Request) -> Response:
    """A page of open orders."""
    given = Given(request, KNOWN)
    _check_account(request, given)
    current = await _reader(request).read("order")
    live = _select(current, "order", EVENTS.decode, given, token_of(request))
    page, cursor = _page(request, given, live)
    answer = answers.Orders(
        source=current.source, as_of=current.as_of, orders=[shapes.order(m) for m in page]
    )
    return respond(request, answer, next_cursor=cursor)


async def marks(request: Request) -> Response:
    """The mark of every symbol."""
    given = Given(request, (SYMBOL_,))
    current = await _reader(request).read("mark")
    found = [MARKS.decode(value) for value in current.values["mark"]]
    wanted = [mark for mark in found if given["symbol"] in ("", mark.symbol)]
    control = _control(request)
    shown = [shapes.mark(mark, control.instrument(mark.symbol)) for mark in wanted]
    shown.sort(key=lambda mark: mark.symbol)
    return respond(request, answers.Marks(source=current.source, as_of=current.as_of, marks=shown))


async def _marks_by_symbol(reader: CurrentReader) -> dict[str, Mark]:
    """Empty where no store has them: positions are shown all the same."""
    try:
        current = await reader.read("mark")
    except Problem:
        return {}
    return {mark.symbol: mark for mark in map(MARKS.decode, current.values["mark"])}


def _position(request: Request, message: Position, marks: dict[str, Mark]) -> answers.Position:
    instrument = _control(request).instrument(message.symbol)
    return shapes.position(message, marks.get(message.symbol), instrument)


def _reader(request: Request) -> CurrentReader:
    reader: CurrentReader = request.app.state.current
    return reader


def _control(request: Request) -> ControlView:
    control: ControlView = request.app.state.control
    return control


def _check_account(request: Request, given: Given) -> None:
    if given["account"]:
        need(request, given["account"])


def _select(
    current: Current,
    kind: str,
    read: Callable[[bytes], M],
    given: Given,
    token: Token,
    *,
    by_symbol: bool = True,
) -> list[M]:
    """The messages that are asked for and may be seen, in the order of their keys."""
    wanted = [
        message
        for message in map(read, current.values[kind])
        if token.sees(message.account)
        and given["account"] in ("", message.account)
        and (not by_symbol or given["symbol"] in ("", message.symbol))
    ]
    return sorted(wanted, key=_key)


def _page(request: Request, given: Given, rows: Sequence[M]) -> tuple[Sequence[M], str]:
    """The rows after the cursor, as many as asked for, and the cursor of the next page."""
    tokens: Tokens = request.app.state.tokens
    if given["cursor"]:
        after: Any = decode(tokens.secret(), given.question, given["cursor"])
        if not isinstance(after, list) or len(after) != 3:
            raise bad_parameter("cursor", "is of another list")
        rows = [row for row in rows if _key(row) > tuple(after)]
    page = rows[: given.limit]
    if len(rows) <= given.limit:
        return page, ""
    return page, encode(tokens.secret(), given.question, list(_key(page[-1])))


def _key(message: Position | OrderEvent) -> tuple[str, str, str]:
    name = message.order_id if isinstance(message, OrderEvent) else ""
    return message.account, message.symbol, name
