"""From what the parts answered to the figures of the view; pure but for the poller it reads."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from api.exposition import difference, histograms, quantile, total
from api.supervisor.directory import Run
from api.view.figures import Figures, Flow, Holding, Market, Version
from api.view.poll import Answer, Poller
from streams import topics
from streams.instruments import Instrument
from streams.messages import Mark

EVENTS = "headrace_events_total"
OUTPUTS = "headrace_outputs_total"
AGE = "headrace_event_age_seconds"
BASELINES = ("prior", "no_change")


def figures(poller: Poller, run: Run, instruments: Mapping[str, Instrument]) -> Figures:
    """The figures of the last answers."""
    answers = poller.answers
    sink, feed = _json(answers.get("sink")), _json(answers.get("feed"))
    held = _json(answers.get("positions"))
    promotion = _json(answers.get("promotion"))
    marks = {mark.symbol: mark for mark in map(topics.MARKS.decode, poller.marks)}
    return Figures(
        markets=markets(marks, instruments),
        holdings=holdings(held.get("positions") or [], marks, instruments),
        cash=tuple((account["account"], account["cash"]) for account in held.get("accounts") or []),
        open_orders=len(_json(answers.get("orders")).get("orders") or []),
        flow=flow(answers.get("worker")),
        rejected=round(_total(answers.get("sink metrics"), "headrace_rejections_total")),
        sink_rows=sum((sink.get("rows") or {}).values()),
        sink_lag_records=sink.get("lag_records") or 0,
        feed=run.feed,
        feed_sent=sum((feed.get("sent") or {}).values()),
        feed_connected=bool(feed.get("connected")),
        api_url=run.api_url,
        api_token=run.api_token,
        stale=poller.stale(),
        versions=versions(promotion),
        gate=gate(promotion),
    )


def markets(marks: Mapping[str, Mark], instruments: Mapping[str, Instrument]) -> tuple[Market, ...]:
    """The marks of the feed's symbols."""
    return tuple(
        Market(
            symbol=symbol,
            bid=_price(instruments[symbol], mark.bid),
            ask=_price(instruments[symbol], mark.ask),
            last=_price(instruments[symbol], mark.last),
            status=mark.status,
        )
        for symbol, mark in sorted(marks.items())
        if symbol in instruments
    )


def holdings(
    positions: list[dict[str, Any]],
    marks: Mapping[str, Mark],
    instruments: Mapping[str, Instrument],
) -> tuple[Holding, ...]:
    """The positions of the API with what they would bring at the mid of the present mark."""
    return tuple(
        Holding(
            account=position["account"],
            symbol=position["symbol"],
            quantity=position["qty"],
            average_price=position["average_price"],
            realised=position["net"],
            unrealised=_unrealised(position, marks, instruments),
            fees=position["fees"],
        )
        for position in positions
    )


def _unrealised(
    position: dict[str, Any], marks: Mapping[str, Mark], instruments: Mapping[str, Instrument]
) -> str | None:
    mark, instrument = marks.get(position["symbol"]), instruments.get(position["symbol"])
    if mark is None or instrument is None or not mark.mid2:
        return None
    # For a screen: exact amounts are in the ledger.
    value = Decimal(position["qty"]) * Decimal(mark.mid2) / 2 * Decimal(instrument.tick)
    return str(value * Decimal(instrument.multiplier) - Decimal(position["cost"]))


def _price(instrument: Instrument, ticks: int) -> str:
    if not ticks:
        return ""
    places = len(instrument.tick.partition(".")[2])
    return f"{Decimal(instrument.price_text(ticks)):,.{places}f}"


def flow(answer: Answer | None) -> Flow:
    """What a worker's metrics say; rates and hops between its last two answers."""
    if answer is None:
        return Flow()
    text = answer.body.decode()
    before = answer.before
    old = before.body.decode() if before is not None else text
    seconds = answer.at - before.at if before is not None else 0.0
    events, rate = total(text, EVENTS), 0.0
    if seconds:
        rate = max(0.0, events - total(old, EVENTS)) / seconds
    p50, p99 = _hop(text, old if before is not None else "")
    return Flow(
        events=round(events),
        events_per_second=rate,
        orders=round(total(text, EVENTS, topic=topics.ORDERS.name)),
        fills=round(total(text, OUTPUTS, topic=topics.FILLS.name)),
        dead_letters=round(total(text, "headrace_dead_letters_total")),
        lag_records=round(total(text, "headrace_lag_records")),
        hop_p50=p50,
        hop_p99=p99,
    )


def _hop(text: str, old: str) -> tuple[float | None, float | None]:
    """Age at commit of the events of the first hop, market data into marks and orders, since the last answer."""
    now, then = histograms(text, AGE), histograms(old, AGE)
    if "symbol" not in now:
        return None, None
    new = difference(now["symbol"], then.get("symbol", []))
    return quantile(new, 0.5), quantile(new, 0.99)


def versions(promotion: Mapping[str, Any]) -> tuple[Version, ...]:
    """Of each model its champion, the candidate with the most evidence, and the baselines."""
    return tuple(
        version
        for _, told in sorted((promotion.get("models") or {}).items())
        for version in _shown(told["evidence"])
    )


def _shown(evidence: Mapping[str, Any]) -> Iterator[Version]:
    candidates = evidence["candidates"]
    best = max(candidates, key=lambda name: candidates[name]["evidence"], default="")
    wanted = (evidence["champion"], best, *BASELINES)
    standings = {standing["version"]: standing for standing in evidence["standings"]}
    for name in dict.fromkeys(filter(None, wanted)):
        standing = standings.get(name, {})
        candidate = candidates.get(name, {}) if name == best else {}
        yield Version(
            model=evidence["model"],
            name=name,
            role=standing.get("role") or ("champion" if name == evidence["champion"] else ""),
            brier=standing.get("brier"),
            kappa_t=standing.get("kappa_t"),
            evidence=candidate.get("evidence"),
            threshold=candidate.get("threshold"),
        )


def gate(promotion: Mapping[str, Any]) -> str:
    """What differs from the gate's own settings, and its last word on the first model."""
    settings = " ".join(f"{k}={v}" for k, v in (promotion.get("settings") or {}).items())
    words = [
        f"{model}: {told['verdict']['action']} {told['verdict']['reason']}"
        for model, told in sorted((promotion.get("models") or {}).items())
    ]
    swaps = {kind: n for kind, n in (promotion.get("swaps") or {}).items() if n}
    told = " ".join(f"{kind} {n}" for kind, n in swaps.items())
    return " | ".join(filter(None, (*words, told, settings)))


def _total(answer: Answer | None, name: str) -> float:
    return 0.0 if answer is None else total(answer.body.decode(), name)


def _json(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    found = json.loads(answer.body)
    return found if isinstance(found, dict) else {}
