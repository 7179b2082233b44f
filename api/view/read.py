"""From what the parts answered to the figures of the view; pure but for the poller it reads."""

import json
from typing import Any

from api.exposition import difference, histograms, quantile, total
from api.supervisor.directory import Run
from api.view.figures import Figures, Flow
from api.view.poll import Answer, Poller
from streams import topics

EVENTS = "headrace_events_total"
OUTPUTS = "headrace_outputs_total"
AGE = "headrace_event_age_seconds"


def figures(poller: Poller, run: Run) -> Figures:
    """The figures of the last answers."""
    answers = poller.answers
    sink, feed = _json(answers.get("sink")), _json(answers.get("feed"))
    return Figures(
        flow=flow(answers.get("worker")),
        rejected=round(_total(answers.get("sink metrics"), "headrace_rejections_total")),
        sink_rows=sum((sink.get("rows") or {}).values()),
        sink_lag_records=sink.get("lag_records") or 0,
        feed=run.feed,
        feed_sent=sum((feed.get("sent") or {}).values()),
        feed_connected=bool(feed.get("connected")),
        api_url=run.api_url,
        stale=poller.stale(),
    )


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


def _total(answer: Answer | None, name: str) -> float:
    return 0.0 if answer is None else total(answer.body.decode(), name)


def _json(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    found = json.loads(answer.body)
    return found if isinstance(found, dict) else {}
