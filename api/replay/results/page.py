"""The results as one HTML page."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api import pages
from api.replay.results.collected import Collected
from api.replay.results.summary import Curve, total
from models import measures

FILE = "report.html"
TRADES_SHOWN = 500


def write(directory: Path, title: str, figures: dict[str, Any], found: Collected) -> Path:
    """Write the page and tell where. Raises ImportError without matplotlib, which is in the extra `report`."""
    parts = [
        plots(total(found.points)),
        pages.heading("In total"),
        pages.columns({"total": figures["total"], **figures["accounts"]}),
        pages.heading("By symbol"),
        pages.columns(figures["symbols"]),
        pages.heading("Decisions"),
        pages.columns({"decisions": figures["decisions"], "rejections": figures["rejections"]}),
        pages.heading(f"Trades ({len(found.trades)})"),
        _trades(found),
    ]
    path = directory / FILE
    path.write_text(pages.page(title, parts))
    return path


def plots(curve: Curve) -> str:
    """Equity, drawdown and exposure over event time."""
    times = [datetime.fromtimestamp(point[0] / 1000, UTC) for point in curve]
    of = measures.returns([point[1] for point in curve], [point[3] for point in curve])
    series = (
        ("equity", [point[1] for point in curve]),
        ("drawdown", [0.0, *measures.drawdowns(of)] if curve else []),
        ("exposure", [point[2] for point in curve]),
    )
    figure = pages.figure(figsize=(10, 7))
    axes = figure.subplots(len(series), 1, sharex=True)
    for axis, (name, values) in zip(axes, series, strict=True):
        axis.plot(times, values, linewidth=1.2, color="#0b5cad")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    return pages.svg(figure)


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
    return pages.table(heads, rows)
