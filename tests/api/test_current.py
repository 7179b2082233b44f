"""What is and what was, as the API shows it: from the latest state, else from SQL, and which of them says so."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from streams.instruments import Instrument
from streams.ports import free_port
from streams.settings import Settings
from tests.api.requests import OPERATOR, TENANT, asked
from tests.api.stores import OTHER
from tests.sinks.messages import START_MS
from tests.support.databases import empty_database


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """One that no sink has seen."""
    with empty_database(postgres) as url:
        yield url


@pytest.fixture
def filled(absent: Settings, stored: dict[str, str]) -> Settings:
    """Settings of stores into which a sink has written."""
    return absent.model_copy(update=stored)


def without_cache(settings: Settings) -> Settings:
    return settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})


def test_positions_are_decimal_strings_of_the_last_messages(filled: Settings) -> None:
    answer = asked(filled, "/v1/positions")
    assert answer.status_code == 200
    body = answer.json()
    assert body["source"] == "latest"
    assert body["as_of"] == {"positions/0": 3, "positions/1": 1}
    assert [(p["account"], p["symbol"], p["qty"]) for p in body["positions"]] == [
        ("paper", "BTC/USD.KRAKEN", "2.5"),
        ("paper", OTHER, "3.5"),
        ("second", "BTC/USD.KRAKEN", "4.5"),
    ]
    assert [(a["account"], a["cash"]) for a in body["accounts"]] == [
        ("paper", "99997"),
        ("second", "99996"),
    ]
    assert body["positions"][0]["time"] == "2026-01-01T00:00:00.000000000Z"
    assert "link" not in answer.headers


def test_open_orders_come_without_those_that_are_over(filled: Settings) -> None:
    body = asked(filled, "/v1/orders").json()
    assert [order["order_id"] for order in body["orders"]] == ["o2"]
    order = body["orders"][0]
    assert (order["price"], order["stop_price"], order["state"]) == ("12.50", None, "WORKING")
    assert order["cause"] == {"topic": "market.trades", "partition": 0, "offset": 7}


@pytest.mark.parametrize("path", ["/v1/positions", "/v1/orders"])
def test_without_the_cache_sql_answers_the_same_and_says_so(filled: Settings, path: str) -> None:
    cached = asked(filled, path).json()
    answer = asked(without_cache(filled), path)
    assert answer.status_code == 200
    assert answer.json() == cached | {"source": "history"}


def test_a_cache_that_is_not_filled_is_no_empty_answer(filled: Settings) -> None:
    unfilled = filled.model_copy(update={"generation": 2})
    body = asked(unfilled, "/v1/positions").json()
    assert body["source"] == "history"
    assert len(body["positions"]) == 3


def test_a_database_that_no_sink_has_seen_is_no_empty_answer(
    absent: Settings, database: str
) -> None:
    assert (
        asked(absent.model_copy(update={"postgres_url": database}), "/v1/orders").status_code == 503
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("account=second", [("second", "BTC/USD.KRAKEN")]),
        (f"symbol={OTHER}", [("paper", OTHER)]),
        (f"account=second&symbol={OTHER}", []),
        ("limit=1", [("paper", "BTC/USD.KRAKEN")]),
    ],
)
def test_lists_are_filtered_and_limited(
    filled: Settings, query: str, expected: list[tuple[str, str]]
) -> None:
    for settings in (filled, without_cache(filled)):
        answer = asked(settings, f"/v1/positions?{query}")
        shown = answer.json()["positions"]
        assert [(p["account"], p["symbol"]) for p in shown] == expected
        assert ("link" in answer.headers) is (query == "limit=1")


def walked(settings: Settings, path: str, name: str) -> list[dict[str, Any]]:
    """All rows of a list, one a page."""
    found: list[dict[str, Any]] = []
    target = f"{path}?limit=1"
    while target:
        answer = asked(settings, target)
        assert answer.status_code == 200, answer.text
        found += answer.json()[name]
        target = answer.headers.get("link", "")[1:].partition(">")[0]
    return found


def test_a_list_walked_page_by_page_is_the_whole_list(filled: Settings) -> None:
    for path, name in (("/v1/positions", "positions"), ("/v1/fills", "fills")):
        whole = asked(filled, path).json()[name]
        assert len(whole) > 1
        assert walked(filled, path, name) == whole


def test_a_tenants_lists_hold_its_own_accounts_alone(filled: Settings) -> None:
    body = asked(filled, "/v1/positions", token=TENANT).json()
    assert {p["account"] for p in body["positions"]} == {"second"}
    assert {a["account"] for a in body["accounts"]} == {"second"}
    fills = asked(filled, "/v1/fills", token=TENANT).json()["fills"]
    assert {fill["account"] for fill in fills} == {"second"}


def test_one_account_comes_with_its_positions(filled: Settings) -> None:
    body = asked(filled, "/v1/accounts/second").json()
    assert body["account"]["cash"] == "99996"
    assert [p["qty"] for p in body["positions"]] == ["4.5"]
    assert asked(filled, "/v1/accounts/nobody").status_code == 404


def test_fills_are_newest_first_with_the_places_of_their_causes(filled: Settings) -> None:
    first, *_ = asked(filled, "/v1/fills?account=paper").json()["fills"]
    assert (first["fill_id"], first["price"], first["qty"]) == ("f2", "60000.1", "0.5")
    assert first["cause"] == {"topic": "market.trades", "partition": 0, "offset": 7}
    assert first["at"] == {"topic": "fills", "partition": 0, "offset": 1}


def test_rejections_are_told_by_their_reason(filled: Settings) -> None:
    body = asked(filled, "/v1/rejections?reason=OFF_TICK").json()
    assert [row["client_order_id"] for row in body["rejections"]] == ["c2"]
    assert asked(filled, "/v1/rejections?reason=NO_CASH").json()["rejections"] == []


def test_an_orders_whole_life_is_shown(filled: Settings) -> None:
    life = asked(filled, "/v1/orders/paper/c1").json()
    assert (life["order_id"], life["state"]) == ("o1", "CANCELLED")
    assert [step["state"] for step in life["events"]] == ["WORKING", "CANCELLED"]
    assert [step["at"]["offset"] for step in life["events"]] == [0, 2]
    assert [decision["outcome"] for decision in life["decisions"]] == ["accepted"]
    assert [fill["fill_id"] for fill in life["fills"]] == ["f1"]
    assert asked(filled, "/v1/orders/paper/nothing").status_code == 404


def test_bytes_of_dead_letters_are_for_operators(filled: Settings) -> None:
    (letter,) = asked(filled, "/v1/dead-letters").json()["dead_letters"]
    assert (letter["reason"], letter["value_base64"]) == ("NOT_JSON", None)
    (letter,) = asked(filled, "/v1/dead-letters", token=OPERATOR).json()["dead_letters"]
    assert letter["value_base64"]


def test_models_tell_champion_and_predictions(filled: Settings) -> None:
    body = asked(filled, "/v1/models").json()
    assert [version["role"] for version in body["versions"]][0] == "champion"
    model = body["versions"][0]["model"]
    assert asked(filled, f"/v1/models/{model}").status_code == 200
    assert asked(filled, "/v1/models/none").status_code == 404
    assert asked(filled, "/v1/predictions").json()["predictions"][0]["model"] == model


def test_bars_are_in_prices_of_the_instrument(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    instrument = Instrument(
        symbol="BTC/USD.KRAKEN", base="BTC", quote="USD", venue="KRAKEN", tick="0.1", lot="0.01"
    )
    monkeypatch.setattr("api.control_view.ControlView.instrument", lambda *_: instrument)
    body = asked(filled, "/v1/bars?symbol=BTC/USD.KRAKEN&interval=1m").json()
    (bar,) = body["bars"]
    assert (bar["open"], bar["high"], bar["close"]) == ("10000", "10000.4", "10000.4")
    assert (bar["volume"], bar["trades"], bar["time"]) == ("0.25", 5, START_MS // 1000)
    assert asked(filled, "/v1/bars").status_code == 400


def test_a_replay_run_is_shown(filled: Settings) -> None:
    with psycopg.connect(filled.postgres_url) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, kind, state, config) "
            "VALUES ('r1', 'replay', 'running', '{}')"
        )
    assert [run["run_id"] for run in asked(filled, "/v1/replays").json()["replays"]] == ["r1"]
    assert asked(filled, "/v1/replays/r1").json()["state"] == "running"
    assert asked(filled, "/v1/replays/r2").status_code == 404


def test_trainings_and_backfills_are_among_the_runs(filled: Settings) -> None:
    with psycopg.connect(filled.postgres_url) as connection:
        connection.execute(
            "INSERT INTO backfill_runs (run_id, source, symbol, interval, since, until, state, docs) "
            "VALUES ('b1', 'kraken', 'BTC/USD.KRAKEN', '1h', '2026-01-01', '2026-01-02', 'partial', 'quality/b1')"
        )
        connection.execute(
            "INSERT INTO train_runs (run_id, model, trigger, state, config, config_sha256, provenance, docs) "
            "VALUES ('t1', 'up1s.micro.all', 'manual', 'queued', '{}', '', '{}', 'quality/t1')"
        )
    backfill = asked(filled, "/v1/replays/b1").json()
    assert (backfill["kind"], backfill["state"], backfill["config"]["interval"]) == (
        "backfill", "partial", "1h",
    )  # fmt: skip
    assert backfill["result"]["checks"] == "quality/b1"
    training = asked(filled, "/v1/replays/t1").json()
    assert (training["kind"], training["result"]["checks"]) == ("training", "quality/t1")
