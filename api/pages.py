"""Pages that need nothing else: tables, and plots as SVG within them. The same content gives the same bytes."""

import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #d8dee4; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
svg { width: 100%; height: auto }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole document."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def heading(text: str) -> str:
    """A section's."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    """A sentence or two."""
    return f"<p>{html.escape(text)}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The first column is to the left."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{text(value)}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def columns(of: Mapping[str, Mapping[str, Any]]) -> str:
    """One column each, a row for every name that any of them has."""
    names = list(dict.fromkeys(name for figures in of.values() for name in figures))
    rows = ([name, *(figures.get(name) for figures in of.values())] for name in names)
    return table(["", *of], rows)


def text(value: Any) -> str:
    """A value in a cell; None is a dash."""
    if value is None:
        return "-"
    return f"{value:,.6g}" if isinstance(value, float) else html.escape(str(value))


def figure(**named: Any) -> "Figure":
    """An empty figure. Raises ImportError without matplotlib, which is in the extra `report`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "headrace"
    from matplotlib.figure import Figure

    return Figure(layout="constrained", **named)


def svg(drawn: "Figure") -> str:
    """The figure as an element."""
    to = io.StringIO()
    drawn.savefig(to, format="svg", metadata={"Date": None})
    return to.getvalue()[to.getvalue().index("<svg") :]
