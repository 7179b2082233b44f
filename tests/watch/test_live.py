"""A running engine, watched: every expression of boards and alerts, a page to a webhook, the live page."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dashboards import asked
from dashboards.servers import Servers, serving, wait
from dashboards.watch import SETTLE_S, markdown, summary
from tests.page.browser import Browser
from tests.support.tools import tool
from tests.watch.live import Live, until, webhook

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

FIRED_S = 150.0
RECENT_S = 20.0


class Watched(NamedTuple):
    """The engine, what watches it, and what its webhook was told."""

    live: Live
    servers: Servers
    told: list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    tool("prometheus", "make watch")
    live = Live(tmp_path_factory.mktemp("live"))
    try:
        with webhook() as (url, told), serving(live.data / "watch", live.run, url) as servers:
            yield Watched(live, servers, told)
    finally:
        live.stop()


def test_all_targets_are_up_and_all_rules_are_evaluated(watched: Watched) -> None:
    targets, down, rules = wait(watched.servers.prometheus)
    assert (targets, down) == (5, 0)
    good, of = rules.split(" evaluated")[0].split(" of ")
    assert good == of, rules


def test_a_kill_pages_a_webhook_and_its_end_is_told_too(watched: Watched) -> None:
    """Engine -> Prometheus -> Alertmanager -> webhook, over the committed rules and routes."""

    def told(status: str) -> list[dict[str, Any]]:
        return [
            alert
            for receiver, message in watched.told
            for alert in message["alerts"]
            if receiver == "page"
            and alert["labels"]["alertname"] == "HeadraceKillSwitchEngaged"
            and alert["status"] == status
        ]

    watched.live.turn("engage", "account:nobody")
    began = time.monotonic()
    (alert, *_) = until(lambda: told("firing"), FIRED_S, "page")
    print(f"the page reached the webhook after {time.monotonic() - began:.0f} s")
    assert alert["labels"]["scope"] == "account" and alert["labels"]["severity"] == "page"
    assert alert["annotations"]["runbook_url"] == "docs/runbooks.md#killswitchengaged"
    watched.live.turn("release", "account:nobody")


def test_every_panel_and_alert_returns_data_in_its_unit(watched: Watched, tmp_path: Path) -> None:
    watched.live.provoke()
    time.sleep(SETTLE_S - RECENT_S)
    watched.live.provoke()
    time.sleep(RECENT_S)
    found = list(asked.answers(watched.servers.prometheus, watched.live.run.postgres_url))
    shutil.copy(_page(found, tmp_path), watched.live.data / "watch.md")
    print(summary(found))
    allowed = asked.allowed_empty()
    assert [(a.asked.name, a.shown) for a in found if a.fault] == []
    names = {answer.asked.name for answer in found}
    empty = {a.asked.name for a in found if not a.series and not a.asked.name.endswith(" fires")}
    assert {name for name in empty if not asked.may_be_empty(name, allowed)} == set()
    unused = {
        each
        for each in asked.never_answered()
        if not any(asked.may_be_empty(name, {each: ""}) for name in empty)
    }
    assert unused == set(), "these do return data, or are no expressions"
    assert names


def _page(found: list[asked.Answer], folder: Path) -> Path:
    page = folder / "watch.md"
    page.write_text(markdown(found, summary(found)))
    return page


def test_the_live_page_outlives_its_worker(watched: Watched) -> None:
    """Killed, the worker is shown as away; what its successor does is on the page without a reload."""
    live = watched.live
    with Browser() as browser:
        browser.open()
        browser.goto(live.run.api_url)
        browser.type("#token", live.run.api_token)
        browser.press("Enter")
        browser.wait_text("#state", "live", 20)
        browser.evaluate("window.notReloaded = true")
        killed = live.kill_worker()
        browser.wait("!document.querySelector('#state').innerText.includes('RUNNING')", 20)
        until(lambda: live.worker() not in (0, killed), 60, "new worker")
        browser.wait_text("#state", "RUNNING", 90)
        before = browser.evaluate("document.querySelector('#tape tbody tr')?.innerText")
        browser.wait(f"document.querySelector('#tape tbody tr')?.innerText !== {before!r}", 60)
        assert browser.evaluate("window.notReloaded") is True
        assert browser.problems() == []
