"""The tables of `docs/trading.md`, rendered from the code by `make docs`."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from agents.strategies import STRATEGIES
from api.documents import reasons
from streams import money
from streams.instruments import Instrument
from streams.messages import TERMINAL
from tables import combinations, lifecycle, profiles
from tables.portfolio_checks import GROSS_BPS

PAGE = Path(__file__).parents[2] / "docs" / "trading.md"
BLOCK = re.compile(r"(<!-- rendered: ([a-z ]+) -->\n).*?(<!-- end -->)", re.S)
MINUTE_NS = 60 * 10**9
MONEY = frozenset({"loss", "fees", "order", "var95", "var99"})


def blocks() -> dict[str, str]:
    """The rendered parts by name."""
    return {
        "fields of a type": _types(),
        "combinations": _combinations(),
        "life": _life(),
        "instrument": _instrument(),
        "profiles": _profiles(),
        "gate": _gate(),
        "changes": _meanings(reasons.CHANGES.meanings),
        "alarm": _meanings(reasons.ALARM.meanings),
        "exchange": _meanings(reasons.BROKER.meanings),
        "rules": _meanings(reasons.RULES),
        "dead letters": _meanings(reasons.DEAD),
        "strategies": _strategies(),
    }


def rendered(page: str) -> str:
    """The page with its rendered parts as the code has them; KeyError for a part that nobody renders."""
    found = blocks()
    return BLOCK.sub(lambda block: f"{block[1]}\n{found[block[2]]}\n{block[3]}", page)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def _types() -> str:
    rows = (
        (f"`{kind}`", ", ".join(fields) or "none") for kind, fields in combinations.PRICES.items()
    )
    return _table(("type", "needs, and takes no other"), rows)


def _combinations() -> str:
    return "\n".join(f"- {rule.fields}" for rule in combinations.FORBIDDEN) + "\n"


def _life() -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for state, following in lifecycle.NEXT.items():
        lines += [f"    {state or '[*]'} --> {after}" for after in sorted(following)]
    lines += [f"    {state} --> [*]" for state in sorted(TERMINAL)]
    return "\n".join([*lines, "```"]) + "\n"


def _instrument() -> str:
    fields = Instrument.model_fields.items()
    rows = [(f"`{name}`", field.default) for name, field in fields if not field.is_required()]
    return _table(("field", "default"), [row for row in rows if row[1] is not None])


def _profiles() -> str:
    shipped = profiles.SHIPPED
    fields = [name for name in profiles.Profile.__struct_fields__ if name != "symbols"]
    rows = ([name, *(_shown(name, getattr(p, name)) for p in shipped.values())] for name in fields)
    return _table(("limit", *shipped), rows)


def _shown(name: str, value: object) -> object:
    """Money in units of the base currency, times in minutes; "none" for a limit that is not one."""
    if name == "gross":
        return "none"
    if name == "gross_bps":
        return ", ".join(f"{kind} {share}" for kind, share in GROSS_BPS.items())
    if name in MONEY and isinstance(value, int):
        return money.text(value)
    if name == "cooldown_ns" and isinstance(value, int):
        return f"{value // MINUTE_NS} min"
    return value


def _gate() -> str:
    rows = [
        (part.title if first else "", f"`{code}`", meaning, part.reducing if first else "")
        for part in reasons.GATE
        for first, (code, meaning) in _with_first(part.meanings.items())
    ]
    return _table(("check", "code", "meaning", "reducing orders too"), rows)


def _with_first(items: Iterable[tuple[str, str]]) -> Iterable[tuple[bool, tuple[str, str]]]:
    return ((number == 0, item) for number, item in enumerate(items))


def _meanings(meanings: dict[str, str]) -> str:
    return _table(("code", "meaning"), ((f"`{code}`", text) for code, text in meanings.items()))


def _strategies() -> str:
    rows: list[tuple[str, str, str]] = []
    for name, kind in STRATEGIES.items():
        assert dataclasses.is_dataclass(kind), "a shipped strategy has parameters"
        told = ", ".join(f"`{field.name}={field.default}`" for field in dataclasses.fields(kind))
        rows.append((f"`{name}`", (kind.__doc__ or "").strip().partition("\n")[0], told))
    return _table(("name", "what it does", "parameters and defaults"), rows)
