"""From the options of `headrace order` to one command, as typed: the engine judges it, nothing is mended here."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OrderForm:
    """What was typed. trail, stop_loss_trail: ticks, or basis points as `50bps`; nothing given is left out."""

    symbol: str = ""
    side: str = ""
    quantity: str | None = None
    type: str | None = None
    limit: str | None = None
    stop: str | None = None
    trail: str | None = None
    trigger: str | None = None
    tif: str | None = None
    expire: str | None = None
    post_only: bool = False
    reduce_only: bool = False
    protection_bps: int | None = None
    stop_loss: str | None = None
    stop_loss_trail: str | None = None
    take_profit: str | None = None
    oco: str | None = None
    ouo: str | None = None
    after: str | None = None
    nav_bps: int | None = None
    edge_bps: str | None = None
    volatility: str | None = None
    strategy: str | None = None


def new(form: OrderForm) -> dict[str, Any]:
    """The fields of a new order."""
    return _given(
        {
            "cmd": "new",
            "symbol": form.symbol,
            "side": form.side,
            "type": form.type or _type(form),
            "qty": form.quantity,
            "sizing": _sizing(form),
            "price": form.limit,
            "stop_price": form.stop,
            "trail": trail(form.trail),
            "trigger": form.trigger,
            "tif": form.tif or ("GTD" if form.expire else None),
            "expire_at": form.expire,
            "post_only": form.post_only or None,
            "reduce_only": form.reduce_only or None,
            "protection_bps": form.protection_bps,
            "bracket": _bracket(form),
            "group": _group(form),
            "strategy": form.strategy,
        }
    )


def cancel(target: str, form: OrderForm) -> dict[str, Any]:
    """The fields of a cancel."""
    return _given({"cmd": "cancel", "target": target, "symbol": form.symbol or None})


def replace(target: str, form: OrderForm) -> dict[str, Any]:
    """The fields of a replace: what is given changes."""
    return _given(
        {
            "cmd": "replace",
            "target": target,
            "qty": form.quantity or None,
            "price": form.limit,
            "stop_price": form.stop,
            "trail": trail(form.trail),
        }
    )


def trail(text: str | None) -> dict[str, Any] | None:
    """`250` ticks or `50bps`; anything else goes out as it is, to be refused by name."""
    if text is None:
        return None
    number, unit = (text[:-3], "bps") if text.endswith("bps") else (text, "ticks")
    return {unit: int(number) if number.isascii() and number.isdigit() else number}


def _type(form: OrderForm) -> str:
    if form.trail is not None:
        return "trailing_stop"
    if form.stop is not None:
        return "stop" if form.limit is None else "stop_limit"
    return "market" if form.limit is None else "limit"


def _sizing(form: OrderForm) -> dict[str, Any] | None:
    sizing = {"nav_bps": form.nav_bps, "edge_bps": form.edge_bps, "vol": form.volatility}
    return _given(sizing) or None


def _bracket(form: OrderForm) -> dict[str, Any] | None:
    stop = _given({"stop_price": form.stop_loss, "trail": trail(form.stop_loss_trail)})
    profit = None if form.take_profit is None else {"price": form.take_profit}
    return _given({"stop_loss": stop or None, "take_profit": profit}) or None


def _group(form: OrderForm) -> dict[str, Any] | None:
    if form.after is not None:
        return {"parent": form.after, "kind": "oto"}
    for kind, id in (("oco", form.oco), ("ouo", form.ouo)):
        if id is not None:
            return {"id": id, "kind": kind}
    return None


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
