"""Query parameters of the API: known, given once, and of their grammar, or a 400 that names them."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from api.problems import bad_parameter
from streams.instruments import SYMBOL

LIMIT_DEFAULT, LIMIT_MAX = 100, 500
ACCOUNT = re.compile(r"[A-Za-z0-9._:-]{1,64}")
DIGITS = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True)
class Page:
    """What of a list is wanted. account, symbol: "" for all."""

    limit: int = LIMIT_DEFAULT
    account: str = ""
    symbol: str = ""


def none(request: Request) -> None:
    """Raises Problem when any parameter is given."""
    _check_names(request, ())


def page(request: Request) -> Page:
    """limit, account and symbol. Raises Problem."""
    _check_names(request, ("limit", "account", "symbol"))
    given = request.query_params
    return Page(
        limit=_limit(given.get("limit")),
        account=_matching("account", given.get("account"), ACCOUNT),
        symbol=_matching("symbol", given.get("symbol"), SYMBOL),
    )


def _check_names(request: Request, known: tuple[str, ...]) -> None:
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise bad_parameter(name[:40], f"unknown; known are: {', '.join(known) or 'none'}")
        if name in seen:
            raise bad_parameter(name, "given more than once")
        seen.add(name)


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not DIGITS.fullmatch(text) or not 1 <= int(text) <= LIMIT_MAX:
        raise bad_parameter("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def _matching(name: str, text: str | None, grammar: re.Pattern[str]) -> str:
    if text is None:
        return ""
    if not grammar.fullmatch(text):
        raise bad_parameter(name, f"must match {grammar.pattern}")
    return text
