"""Draws one look at the system for a terminal, or as one plain line."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.view.figures import Figures, Holding, Market, Version

ROWS_MAX = 12


def screen(figures: Figures, lines: Sequence[str]) -> RenderableType:
    """The whole view. lines: what the supervisor said last."""
    parts: list[RenderableType] = [_feed(figures)]
    parts.append(Columns([_markets(figures.markets), _flow(figures)], padding=(0, 2)))
    parts.append(_holdings(figures.holdings, figures.cash))
    parts += _versions(figures.versions)
    parts += [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in lines]
    if figures.gate:
        parts.append(Text.assemble(("gate ", "bold"), figures.gate, style="dim"))
    parts.append(_foot(figures))
    return Panel(Group(*parts), title="headrace", border_style="blue")


def line(figures: Figures) -> str:
    """The same in one line, for logs and pipes."""
    flow = figures.flow
    words = [
        f"{flow.events_per_second:,.0f} events/s",
        f"hop {_milliseconds(flow.hop_p50)}/{_milliseconds(flow.hop_p99)} ms",
        f"lag {flow.lag_records:,}",
        f"orders {flow.orders:,}",
        f"rejected {figures.rejected:,}",
        f"fills {flow.fills:,}",
        f"dead letters {flow.dead_letters:,}",
        f"sink rows {figures.sink_rows:,}",
        f"sink lag {figures.sink_lag_records:,}",
    ]
    words += [f"{m.symbol} {m.last or m.bid}" for m in figures.markets[:3]]
    words += [
        f"{v.model} {v.name} E {_score(v.evidence)}/{_score(v.threshold)}"
        for v in figures.versions
        if v.evidence is not None
    ]
    if figures.gate:
        words.append(f"gate {figures.gate}")
    if figures.stale:
        words.append(f"stale: {', '.join(figures.stale)}")
    return " | ".join(words)


def _feed(figures: Figures) -> Text:
    state = ("connected", "green") if figures.feed_connected else ("not connected", "yellow")
    sent = f"  {figures.feed_sent:,} records sent"
    return Text.assemble(("feed ", "bold"), figures.feed, "  ", state, sent)


def _markets(markets: Sequence[Market]) -> Table:
    table = Table(title="marks", title_justify="left", box=None, padding=(0, 1))
    for name in ("symbol", "bid", "ask", "last", ""):
        table.add_column(name, justify="left" if name == "symbol" else "right")
    for market in markets[:ROWS_MAX]:
        style = "" if market.status == "live" else "yellow"
        mark = "" if market.status == "live" else market.status
        table.add_row(market.symbol, market.bid, market.ask, market.last, mark, style=style)
    return table


def _flow(figures: Figures) -> Table:
    flow = figures.flow
    table = Table(title="flow", title_justify="left", box=None, padding=(0, 1), show_header=False)
    table.add_column(style="cyan")
    table.add_column(justify="right")
    hop = f"{_milliseconds(flow.hop_p50)} / {_milliseconds(flow.hop_p99)} ms"
    rows = [
        ("events/s", f"{flow.events_per_second:,.0f}"),
        ("hop p50 / p99", hop),
        ("lag", f"{flow.lag_records:,}"),
        ("orders / rejected", f"{flow.orders:,} / {figures.rejected:,}"),
        ("open / fills", f"{figures.open_orders:,} / {flow.fills:,}"),
        ("dead letters", f"{flow.dead_letters:,}"),
        ("sink rows / lag", f"{figures.sink_rows:,} / {figures.sink_lag_records:,}"),
    ]
    for name, value in rows:
        alarming = name == "dead letters" and flow.dead_letters
        table.add_row(name, value, style="red" if alarming else "")
    return table


def _versions(versions: Sequence[Version]) -> Iterator[Text]:
    """A line a model: its versions with Brier score, skill over no change, and evidence against what is needed."""
    for model, group in groupby(versions, key=lambda version: version.model):
        line = Text.assemble((f"{model.partition('.')[0]} ", "bold"), no_wrap=True)
        for number, version in enumerate(group):
            words = f"{version.name} {_score(version.brier)}"
            if version.kappa_t is not None:
                words += f" kappa_t {_score(version.kappa_t)}"
            if version.evidence is not None:
                words += f" E {_score(version.evidence)}/{_score(version.threshold)}"
            line.append(" | " if number else "")
            line.append(words, style="bold" if version.role == "champion" else "")
        yield line


def _holdings(holdings: Sequence[Holding], cash: Sequence[tuple[str, str]]) -> Table:
    money = ", ".join(f"{account} {amount}" for account, amount in cash)
    title = f"positions   cash: {money}" if money else "positions"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for name in ("account", "symbol", "quantity", "average", "realised", "unrealised", "fees"):
        table.add_column(name, justify="left" if name in ("account", "symbol") else "right")
    for holding in holdings[:ROWS_MAX]:
        unrealised = "" if holding.unrealised is None else _money(holding.unrealised)
        table.add_row(
            holding.account,
            holding.symbol,
            holding.quantity,
            _price(holding.average_price),
            _coloured(holding.realised),
            unrealised,
            _money(holding.fees),
        )
    return table


def _foot(figures: Figures) -> Text:
    token = f"   token {figures.api_token}" if figures.api_token else ""
    text = Text(f"live page {figures.api_url}/{token}   Ctrl-C stops everything")
    if figures.stale:
        text.append(f"   stale: {', '.join(figures.stale)}", style="yellow")
    return text


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f}"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _money(text: str) -> str:
    """Two decimals are enough for a screen."""
    return f"{Decimal(text or '0'):,.2f}"


def _price(text: str) -> str:
    """A small price keeps the digits that make it."""
    price = Decimal(text or "0")
    return _money(text) if abs(price) >= 100 else f"{price:.6g}"


def _coloured(text: str) -> Text:
    amount = Decimal(text or "0")
    return Text(_money(text), style="red" if amount < 0 else "green" if amount > 0 else "")
