"""Query and path parameters of the API: known, given once, and of their grammar, or a 400 that names them.

The same table tells the routes what to take and the OpenAPI document what to say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from api.problems import bad_parameter
from streams.contract import NAME
from streams.instruments import SYMBOL

LIMIT_DEFAULT, LIMIT_MAX = 100, 500
DIGITS = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True)
class Parameter:
    """One parameter. schema: as OpenAPI has it; its pattern or enum is what is checked."""

    name: str
    about: str
    schema: dict[str, Any]
    required: bool = False

    def check(self, text: str) -> str:
        """Raises Problem(400)."""
        choices, pattern = self.schema.get("enum"), self.schema.get("pattern")
        if choices is not None and text not in choices:
            raise bad_parameter(self.name, f"must be one of {', '.join(choices)}")
        if pattern is not None and not re.fullmatch(pattern.strip("^$"), text):
            raise bad_parameter(self.name, f"must match {pattern}")
        return text


def _matching(name: str, about: str, pattern: str) -> Parameter:
    return Parameter(name, about, {"type": "string", "pattern": f"^{pattern}$"})


ACCOUNT_ = _matching("account", "Of this account alone.", NAME)
SYMBOL_ = _matching("symbol", "Of this symbol alone.", SYMBOL.pattern)
REASON_ = _matching("reason", "With this reason code.", r"[A-Za-z0-9_]{1,64}")
TOPIC_ = _matching("topic", "From this topic.", r"[a-z0-9.-]{1,64}")
MODEL_ = _matching("model", "Of this model.", r"[A-Za-z0-9._-]{1,64}")
ORDER_ = _matching("client_order_id", "The client's id of an order.", NAME)
NAME_ = _matching("name", "The symbol whose breakers they are.", SYMBOL.pattern)
RUN_ = _matching("id", "Of the run.", r"[A-Za-z0-9._:-]{1,128}")
INTERVAL_ = Parameter(
    "interval", "Width of a bar.", {"type": "string", "enum": ["1s", "5s", "1m", "5m", "1h", "1d"]}
)
TYPES_ = _matching(
    "types", "Event types, comma separated; else all.", r"[a-z]{2,16}(,[a-z]{2,16}){0,15}"
)
LIMIT_ = Parameter(
    "limit",
    f"Rows of a page; {LIMIT_DEFAULT} without it.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
)
CURSOR_ = Parameter(
    "cursor", "Where the list goes on, from the Link header.", {"type": "string", "maxLength": 512}
)

PAGED = (LIMIT_, CURSOR_)


class Given:
    """The checked parameters of one request."""

    def __init__(self, request: Request, known: Sequence[Parameter]) -> None:
        """Raises Problem(400) naming the first bad one."""
        self._values = _checked(request, {parameter.name: parameter for parameter in known})
        self.limit = _limit(self._values.get("limit"))
        self.question = request.url.path + repr(sorted(self._filters().items()))

    def __getitem__(self, name: str) -> str:
        """The value, "" where it is not given."""
        return self._values.get(name, "")

    def _filters(self) -> dict[str, str]:
        return {
            name: text for name, text in self._values.items() if name not in ("limit", "cursor")
        }


def path(request: Request, parameter: Parameter) -> str:
    """A path parameter, checked."""
    return parameter.check(request.path_params[parameter.name])


def _checked(request: Request, known: dict[str, Parameter]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            raise bad_parameter(name[:40], f"unknown; known are: {', '.join(known) or 'none'}")
        if name in values:
            raise bad_parameter(name, "given more than once")
        values[name] = known[name].check(text)
    for parameter in known.values():
        if parameter.required and parameter.name not in values:
            raise bad_parameter(parameter.name, "is needed")
    return values


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not DIGITS.fullmatch(text) or not 1 <= int(text) <= LIMIT_MAX:
        raise bad_parameter("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)
