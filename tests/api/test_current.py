"""Positions and orders as the API shows them: from the latest state, else from SQL, and which of them says so."""

import asyncio
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from sinks.history import History
from sinks.latest import Keys, Latest
from streams.meter import NoMeter
from streams.ports import free_port
from streams.settings import Settings
from tests.api.requests import asked
from tests.sinks.messages import EVENTS, POSITIONS, batch_of, order_event, position

PLACES = [(topic.name, partition) for topic in (POSITIONS, EVENTS) for partition in range(2)]
OTHER = "ETH/USD.KRAKEN"


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    name = f"api_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"{postgres.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def filled(absent: Settings, database: str, valkey: str) -> Settings:
    """Settings of stores into which a sink has written."""
    app = f"api-{secrets.token_hex(4)}"
    asyncio.run(_fill(database, valkey, app))
    return absent.model_copy(update={"app": app, "postgres_url": database, "redis_url": valkey})


async def _fill(database: str, valkey: str, app: str) -> None:
    history, latest = History(database), Latest(valkey, Keys(app, 1), NoMeter())
    await history.connect()
    try:
        await history.claim(PLACES)
        for place in PLACES:
            await latest.ensure(place, 0, history.snapshot)
        for batch in (
            batch_of(POSITIONS, [position(1), position(2), position(3, symbol=OTHER)]),
            batch_of(POSITIONS, [position(4, account="second")], partition=1),
            batch_of(EVENTS, [order_event(1), order_event(2, price="12.50", side="buy")]),
            batch_of(EVENTS, [order_event(1, "CANCELLED", rev=2)], first=2),
        ):
            await history.commit(batch)
            await latest.follow(batch, history.snapshot)
    finally:
        await history.close()
        await latest.close()


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
    assert body["truncated"] is False


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
        body = asked(settings, f"/v1/positions?{query}").json()
        assert [(p["account"], p["symbol"]) for p in body["positions"]] == expected
        assert body["truncated"] is (query == "limit=1")
