"""Finds a strategy by name, of those shipped or in a user's own module, and gives it its parameters."""

import dataclasses
import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from agents.strategies import STRATEGIES, Memory, Strategy

NONE = "none"
_NAME = re.compile(r"[A-Za-z0-9_]{1,24}")


class StrategyRefused(ValueError):
    """No strategy can be made of what was asked for; the message says why, in a sentence."""


class Loaded(NamedTuple):
    """A strategy, and its name in ids and tables: the shipped name, or the user's class's."""

    name: str
    strategy: Strategy[Any]


def load(spec: str, params: Mapping[str, str]) -> Loaded | None:
    """The strategy of a specification: a shipped name, or `package.module:Class`; None for `none`.

    A user's module is looked for in the working directory too. params: fields of its dataclass, as texts. Raises
    StrategyRefused.
    """
    if spec == NONE:
        return None
    found = STRATEGIES[spec] if spec in STRATEGIES else _imported(spec)
    name = spec if spec in STRATEGIES else found.__name__
    if _NAME.fullmatch(name) is None:
        raise StrategyRefused(f"{name!r} is no name for ids: at most 24 letters, digits and _")
    if not issubclass(found.memory, Memory):
        raise StrategyRefused(f"{spec}: its memory is no child of Memory")
    return Loaded(name, _made(spec, found, params))


def is_own(spec: str) -> bool:
    """Whether a specification names a user's module."""
    return spec != NONE and spec not in STRATEGIES


def parse(words: str) -> dict[str, str]:
    """The parameters in `k=v,k=v`. Raises StrategyRefused."""
    params: dict[str, str] = {}
    for word in filter(None, words.split(",")):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise StrategyRefused(f"{word!r} is no parameter such as notional=500")
        params[name] = value
    return params


def _imported(spec: str) -> type[Strategy[Any]]:
    module_name, colon, class_name = spec.partition(":")
    if not colon or not module_name or not class_name:
        shipped = ", ".join((NONE, *STRATEGIES))
        raise StrategyRefused(
            f"no strategy {spec!r}; there are {shipped}, or your own as package.module:Class"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise StrategyRefused(f"{module_name} cannot be imported: {error!r}") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyRefused(f"{spec} is not a class that is a Strategy")
    return found


def _made(spec: str, found: type[Strategy[Any]], params: Mapping[str, str]) -> Strategy[Any]:
    known: set[str] = set()
    if dataclasses.is_dataclass(found):
        known = {field.name for field in dataclasses.fields(found)}
    unknown = sorted(params.keys() - known)
    if unknown:
        has = ", ".join(sorted(known)) or "none"
        raise StrategyRefused(f"{spec} has no parameter {', '.join(unknown)}; it has: {has}")
    try:
        return TypeAdapter(found).validate_python(dict(params)) if known else found()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise StrategyRefused(f"{spec}: parameter {where}: {first['msg']}") from error
    except Exception as error:
        raise StrategyRefused(f"{spec} cannot be made: {error!r}") from error
