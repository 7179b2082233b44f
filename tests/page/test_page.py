"""The live page in a browser, over a real log, sink and API."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import admin
from streams.local import LocalKafka
from streams.topics import EVENTS, FILLS, MARKS
from tests.page.browser import Browser
from tests.page.system import PARTITIONS, System
from tests.support.databases import empty_database

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

CHARTED = "document.querySelectorAll('#chart canvas').length > 0"
FILL_S = 2.0
HEAP = "(gc(), performance.memory.usedJSHeapSize)"
SOAK_S, EVENTS_PER_S, GROWTH_MAX = 600, 100, 8 << 20


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, postgres: str, valkey: str
) -> Iterator[System]:
    with (
        LocalKafka(tmp_path_factory.mktemp("page-kafka")) as kafka,
        empty_database(postgres) as database,
    ):
        asyncio.run(admin.apply(kafka.bootstrap, PARTITIONS, embedded=True))
        folder = tmp_path_factory.mktemp("page")
        app = f"page-{secrets.token_hex(4)}"
        made = System(folder, kafka.bootstrap, database, valkey, app)
        try:
            made.furnish()
            made.start()
            made.until(lambda: len(made.get("/v1/fills").json().get("fills", ())) == 2)
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, system: System) -> Browser:
    """The page, opened with its token, loaded and live."""
    browser.open()
    _enter(browser, system)
    return browser


def _enter(browser: Browser, system: System) -> None:
    browser.goto(system.url)
    browser.type("#token", system.token)
    browser.press("Enter")
    browser.wait_text("#state", "live")
    browser.wait_text("#positions", "0.25")


def test_a_wrong_token_is_told_and_opens_nothing(browser: Browser, system: System) -> None:
    browser.open()
    browser.goto(system.url)
    browser.type("#token", "wrong")
    browser.press("Enter")
    browser.wait_text("#refusal", "not valid")
    assert browser.evaluate("document.getElementById('main').hidden") is True


def test_it_shows_what_is_there(page: Browser) -> None:
    page.wait(CHARTED)
    page.wait_text("#tape", "OFF_TICK")
    page.wait_text("#orders", "client-o1")
    page.wait_text("#models", "challenger")
    page.wait_text("#topics", "market.trades")
    page.wait_text("#accounts", "84,975")
    assert "BTC/USD.KRAKEN" in page.text("#positions")
    assert "60.4" not in page.text("#refusal")
    assert page.problems() == []


def test_a_fill_appears_within_two_seconds(page: Browser, system: System) -> None:
    fill = system.fill(190, "sell", order="o7")
    system.write(FILLS, "paper", [fill])
    page.wait_text("#tape", "client-o7", FILL_S)
    system.write(MARKS, "BTC/USD.KRAKEN", [system.mark(239, 61_234)])
    page.wait_text("#quote", "61,234", FILL_S)


def test_script_text_in_an_order_id_stays_text(page: Browser, system: System) -> None:
    evil = "<img src=x onerror=window.hit=1>"
    system.write(EVENTS, "paper", [system.order("o8", 230, client_order_id=evil, reason=evil)])
    page.wait_text("#orders", evil)
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.querySelectorAll('td img').length") == 0
    assert page.problems() == []


def test_an_orders_whole_life_is_told_with_its_places(page: Browser) -> None:
    page.wait_text("#orders", "client-o1")
    page.evaluate(
        "[...document.querySelectorAll('#orders button')].find(b => b.innerText === 'client-o1').click()"
    )
    page.wait_text("#life-body", "orders.events[")
    told = page.text("#life-body")
    assert "accepted" in told and "WORKING" in told and "market.quotes[0]@60" in told
    page.press("Escape")
    assert page.evaluate("document.getElementById('life').open") is False


def test_over_an_api_restart_no_row_is_lost(page: Browser, system: System) -> None:
    system.stop_api()
    page.wait_text("#state", "stale")
    assert page.evaluate("document.body.classList.contains('stale')") is True
    system.write(FILLS, "paper", [system.fill(n, order=f"away{n}") for n in range(220, 225)])
    system.start_api()
    page.wait_text("#state", "live", 30)
    for number in range(220, 225):
        page.wait_text("#tape", f"client-away{number}")
    rows = page.evaluate(
        "[...document.querySelectorAll('#tape tbody tr')].map(r => r.innerText)"
        ".filter(t => t.includes('client-away220')).length"
    )
    assert rows == 1


def test_the_kill_switch_is_turned_and_released_by_keyboard_alone(page: Browser) -> None:
    page.evaluate("document.getElementById('kill').focus()")
    page.press("Enter")
    page.wait("document.getElementById('switch').open")
    page.evaluate("document.getElementById('scope').focus()")
    page.press(
        "Control+a", *"account:drill", "Tab", *"drill", "Tab", "Tab", "Space", "Tab", "Enter"
    )
    page.wait_text("#switch-answer", "engaged account:drill")
    page.wait_text("#state", "KILLED: account:drill")
    page.wait_text("#switches", "engaged")
    page.evaluate("document.getElementById('sure').focus()")
    page.press("Space", "Tab", "Tab", "Enter")
    page.wait_text("#switch-answer", "released account:drill")
    page.wait_text("#state", "kill switch off")


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Browser) -> None:
    page.resize(390, 844)
    page.wait("document.documentElement.scrollWidth <= 390")
    page.wait(CHARTED)


def test_dark_and_light_follow_the_system_and_the_button(page: Browser) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.scheme("dark")
    dark = page.evaluate(colour)
    page.click("#theme")
    assert (page.evaluate(colour), light != dark) == (light, True)


def test_pictures_of_the_page_can_be_taken(page: Browser, tmp_path: Path) -> None:
    page.wait(CHARTED)
    page.shot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 240)
def test_ten_minutes_of_a_hundred_events_a_second_leave_memory_flat(
    page: Browser, system: System
) -> None:
    heaps = []
    end, number = time.monotonic() + SOAK_S, 0
    while time.monotonic() < end:
        began = time.monotonic()
        fills = [system.fill(number + n, order=f"soak{number + n}") for n in range(EVENTS_PER_S)]
        system.write(FILLS, "paper", fills)
        number = (number + EVENTS_PER_S) % 100
        heaps.append(int(page.evaluate(HEAP)))
        time.sleep(max(0.0, 1 - (time.monotonic() - began)))
    quarter = len(heaps) // 4
    early, late = min(heaps[quarter : 2 * quarter]), min(heaps[-quarter:])
    assert late - early < GROWTH_MAX, (early, late)
    page.wait_text("#state", "live")
    assert page.problems() == []
