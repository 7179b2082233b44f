"""The results as one HTML page that needs nothing else: tables, and plots as SVG within it."""

import html
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.replay.results.collected import Collected
from api.replay.results.summary import Curve, total
from models import measures

FILE = "report.html"
TRADES_SHOWN = 500
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .2rem .8rem; border-bottom: 1px solid #d8dee4 }
th:first-child, td:first-child { text-align: left }
svg { width: 100%; height: auto }
"""


def write(directory: Path, title: str, figures: dict[str, Any], found: Collected) -> Path:
    """Write the page and tell where. Raises ImportError without matplotlib, which is in the extra `report`."""
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        plots(total(found.points)),
        "<h2>In total</h2>",
        _columns({"total": figures["total"], **figures["accounts"]}),
        "<h2>By symbol</h2>",
        _columns(figures["symbols"]),
        "<h2>Decisions</h2>",
        _columns({"decisions": figures["decisions"], "rejections": figures["rejections"]}),
        f"<h2>Trades ({len(found.trades)})</h2>",
        _trades(found),
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    path = directory / FILE
    path.write_text(page)
    return path


def plots(curve: Curve) -> str:
    """Equity, drawdown and exposure over event time."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "headrace"  # the same page for the same run
    from matplotlib.figure import Figure

    times = [datetime.fromtimestamp(point[0] / 1000, UTC) for point in curve]
    of = measures.returns([point[1] for point in curve], [point[3] for point in curve])
    series = (
        ("equity", [point[1] for point in curve]),
        ("drawdown", [0.0, *measures.drawdowns(of)] if curve else []),
        ("exposure", [point[2] for point in curve]),
    )
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(len(series), 1, sharex=True)
    for axis, (name, values) in zip(axes, series, strict=True):
        axis.plot(times, values, linewidth=1.2, color="#0b5cad")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def _columns(of: dict[str, dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for figures in of.values() for name in figures))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in of)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f"<td>{_text(figures.get(name))}</td>" for figures in of.values())
        + "</tr>"
        for name in names
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _trades(found: Collected) -> str:
    heads = ("closed", "account", "symbol", "side", "qty", "gross", "fees", "net", "held s")
    rows = [
        (
            datetime.fromtimestamp(t.closed_ms / 1000, UTC).isoformat(timespec="seconds"),
            t.account,
            t.symbol,
            "long" if t.side > 0 else "short",
            t.qty,
            t.gross,
            t.fees,
            t.net,
            (t.closed_ms - t.opened_ms) / 1000,
        )
        for t in found.trades[:TRADES_SHOWN]
    ]
    body = "".join("<tr>" + "".join(f"<td>{_text(v)}</td>" for v in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.6g}" if isinstance(value, float) else html.escape(str(value))
