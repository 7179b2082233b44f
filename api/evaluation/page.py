"""An evaluation as one HTML page that needs nothing else."""

from collections.abc import Mapping
from typing import Any

from api import pages
from api.evaluation import plots

MEASURES = (
    "n",
    "answered",
    "auc",
    "logloss",
    "brier",
    "accuracy",
    "accuracy_expected",
    "kappa_t",
    "kappa_m",
    "ece",
)
EARNED = (
    "positions",
    "gross_mean_bps",
    "cost_mean_bps",
    "net_mean_bps",
    "net_bps",
    "turnover_a_day",
    "drawdown",
)
HOW = (
    "Every answer is the one that was logged when its vector came, scored when its label became known. kappa_t is "
    "against the last label known at that time, kappa_m against the commoner class until then; 0 is no better, 1 is "
    "never wrong. The interval of the AUC is over draws of whole blocks of time."
)
MONEY = (
    "One position a symbol at a time, held until its label was known, of one unit of notional. Costs are two taker "
    "fees and the spread. `always` acts on every answer, `above cost` where the edge expected is larger than the costs."
)

SHIFT = (
    "Each feature of the last day beside what it was before; of less than a day, the second half beside the first. PSI "
    "over deciles, above 0.2 a warning; p of Kolmogorov and Smirnov's test on evenly spaced rows, which asks of two "
    "samples whether they are of one distribution, and of neighbours in time finds that more often than it should."
)


def render(found: Mapping[str, Any], curves: Mapping[str, Mapping[str, Any]]) -> str:
    """The page. curves: summed returns to plot. Raises ImportError without matplotlib."""
    names = list(found["pooled"])
    parts = [
        pages.paragraph(HOW),
        pages.columns({"": _summary(found)}),
        pages.heading("All symbols"),
        _measures(found["pooled"]),
        pages.heading("Plain decisions"),
        pages.table(["", "accuracy"], found["decisions"].items()),
        pages.heading("Over time"),
        plots.skill_over_time(found, names),
        _marks(found),
        pages.heading("Calibration"),
        plots.reliability(found, names),
        pages.heading("Money"),
        pages.paragraph(MONEY),
        *([plots.money(curves)] if curves else []),
        _earned(found, "always"),
        _earned(found, "above_cost"),
        pages.heading("By symbol"),
        *(
            part
            for symbol, of in found["by_symbol"].items()
            for part in (f"<h3>{pages.text(symbol)}</h3>", _measures(of))
        ),
        pages.heading("Labels"),
        pages.table(["state", "labels"], found["label_states"].items()),
        plots.label_lag(found),
        pages.heading("Abstentions"),
        pages.table(
            ["version", "reason", "vectors"],
            [(name, why, n) for name, of in found["abstained"].items() for why, n in of.items()],
        ),
        pages.heading("Features"),
        pages.paragraph(SHIFT),
        *_shift(found["shift"]),
        pages.heading("Versions"),
        pages.table(
            ["version", "labels learned", "vectors served"],
            [(name, of["learned"], of["served"]) for name, of in found["versions"].items()],
        ),
        pages.heading("Up to each thousand labels"),
        _windows(found["cumulative"]),
        *(
            part
            for size, of in found["windows"].items()
            for part in (pages.heading(f"Windows of {size} labels"), _windows(of))
        ),
    ]
    return pages.page(f"{found['model']}", parts)


def _summary(found: Mapping[str, Any]) -> dict[str, Any]:
    lag = found["label_lag_ms"]
    return {
        "from": _time(found["from"]),
        "to": _time(found["to"]),
        "symbols": ", ".join(found["symbols"]),
        "vectors": found["vectors"],
        "label": f"{found['label']['name']}, {found['label']['horizon_ns'] / 1e9:g} s",
        "labels after their horizon, ms: median, 99 %": f"{lag.get('median', 0):.0f}, {lag.get('p99', 0):.0f}",
        "data sha256": found["dataset_sha256"],
        **{f"source {name}": value for name, value in found["sources"].items()},
    }


def _measures(of: Mapping[str, Mapping[str, Any]]) -> str:
    has_interval = any("auc_interval" in figures for figures in of.values())
    heads = [
        "",
        *(measure.replace("_", " ") for measure in MEASURES),
        *(["AUC, 95 %"] if has_interval else []),
    ]
    rows = []
    for name, figures in of.items():
        row = [name, *(_short(figures[measure]) for measure in MEASURES)]
        interval = figures.get("auc_interval")
        if has_interval:
            row.append(f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else None)
        rows.append(row)
    return pages.table(heads, rows)


def _earned(found: Mapping[str, Any], how: str) -> str:
    rows = [
        [name, *(_short(of[how][measure]) for measure in EARNED)]
        for name, of in found["earnings"].items()
    ]
    heads = [how.replace("_", " "), *(measure.replace("_", " ") for measure in EARNED)]
    return pages.table(heads, rows)


def _marks(found: Mapping[str, Any]) -> str:
    rows = [(_time(m["time"]), m["symbol"], m["kind"], m["text"]) for m in found["marks"]]
    return pages.table(["at", "symbol", "what", "version"], rows)


def _shift(of: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            name,
            _short(each["psi"]),
            _short(each["ks_p"]),
            "shifted" if name in of["shifted"] else "",
        )
        for name, each in of["features"].items()
    ]
    until = pages.paragraph(f"before and after {_time(of['split'])}")
    return [until, pages.table(["feature", "PSI", "KS p", ""], rows)]


def _windows(of: Mapping[str, list[Mapping[str, Any]]]) -> str:
    shown = ("n", "auc", "logloss", "accuracy", "kappa_t", "kappa_m")
    rows = [
        [name, _time(window["known_at"]), *(_short(window[measure]) for measure in shown)]
        for name, found in of.items()
        for window in found
    ]
    return pages.table(["", "known at", *shown], rows)


def _time(ns: int | None) -> str:
    if ns is None:
        return "-"
    return plots.moment(ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short(value: Any) -> Any:
    """Four digits: more would say more than a few thousand labels can."""
    return f"{value:,.4g}" if isinstance(value, float) else value
