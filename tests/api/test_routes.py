"""What every route of the API does with good and bad requests, whatever the stores do."""

import asyncio
from typing import Any

import pytest

from api.app import ROUTES, build
from streams.settings import Settings
from tests.api.requests import asked, client

LISTS = ("/v1/positions", "/v1/orders")


def problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"] and body["type"] == "about:blank"
    return body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/v1/status", "/v1/positions", "/v1/orders", "/v1/topics", "/livez"]
)
def test_any_method_but_get_and_head_is_405_with_allow(
    absent: Settings, path: str, method: str
) -> None:
    answer = asked(absent, path, method)
    assert problem(answer)["status"] == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/livez/", "/v1/status/", "/docs"])
def test_an_unknown_path_is_404(absent: Settings, path: str) -> None:
    assert problem(asked(absent, path))["status"] == 404


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=1e2", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A1", "limit"),
        ("account=a%20b", "account"),
        ("account=", "account"),
        ("account=" + "a" * 65, "account"),
        ("symbol=btc", "symbol"),
        ("symbol=BTC/USD", "symbol"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_bad_parameter_is_400_and_named(
    absent: Settings, path: str, query: str, named: str
) -> None:
    body = problem(asked(absent, f"{path}?{query}"))
    assert body["status"] == 400
    assert [error["parameter"] for error in body["errors"]] == [named]


@pytest.mark.parametrize("path", ["/v1/status", "/v1/topics"])
def test_a_route_without_parameters_refuses_any(absent: Settings, path: str) -> None:
    assert problem(asked(absent, f"{path}?limit=1"))["status"] == 400


@pytest.mark.parametrize("path", LISTS)
def test_without_any_store_a_list_is_503_naming_them_never_empty(
    absent: Settings, path: str
) -> None:
    body = problem(asked(absent, path))
    assert body["status"] == 503
    assert "latest state" in body["detail"] and "history database" in body["detail"]


def test_without_a_broker_topics_are_503_naming_kafka(absent: Settings) -> None:
    body = problem(asked(absent, "/v1/topics"))
    assert body["status"] == 503
    assert "Kafka" in body["detail"]


def test_without_anything_status_still_answers(absent: Settings) -> None:
    answer = asked(absent, "/v1/status")
    assert answer.status_code == 200
    assert answer.json() == {
        "profile": "local",
        "simulation": True,
        "state": "UNKNOWN",
        "processes": [],
        "log": "unreachable",
        "lag": None,
        "feed_sources": None,
    }


def test_it_lives_without_a_broker_but_is_not_ready(absent: Settings) -> None:
    assert asked(absent, "/livez").status_code == 200
    answer = asked(absent, "/readyz?verbose")
    assert (answer.status_code, answer.text) == (503, "[-]kafka failed\n")
    assert asked(absent, "/readyz?exclude=kafka").status_code == 200
    assert asked(absent, "/readyz/kafka").status_code == 503
    assert asked(absent, "/readyz/moon").status_code == 404


@pytest.mark.parametrize("path", ["/v1/status", "/v1/orders", "/nothing", "/metrics"])
def test_every_answer_carries_the_security_headers(absent: Settings, path: str) -> None:
    headers = asked(absent, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_a_bug_is_500_without_its_text(absent: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret 4711")

    monkeypatch.setattr("api.status.lag_by_topic", broken)
    monkeypatch.setattr("api.watch.Watch.topics", {})
    answer = asked(absent, "/v1/status")
    assert problem(answer)["status"] == 500
    assert "4711" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_requests_are_counted_by_template_never_by_path(absent: Settings) -> None:
    async def run() -> str:
        app = build(absent)
        async with client(app) as http:
            for path in ("/v1/status", "/readyz/kafka", "/secret/path", "/v1/status?a=b"):
                await http.get(path)
            await http.request("BREW", "/v1/status")
            return (await http.get("/metrics")).text

    text = asyncio.run(run())
    assert 'requests_total{method="GET",route="/v1/status",status="200"} 1.0' in text
    assert 'requests_total{method="GET",route="/v1/status",status="400"} 1.0' in text
    assert 'requests_total{method="GET",route="/readyz/{check}",status="503"} 1.0' in text
    assert 'requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'requests_total{method="OTHER",route="/v1/status",status="405"} 1.0' in text
    assert "secret" not in text


def test_the_routes_are_those_of_the_manual() -> None:
    assert [route.path for route in ROUTES] == [
        "/livez",
        "/livez/{check}",
        "/readyz",
        "/readyz/{check}",
        "/metrics",
        "/v1/status",
        "/v1/positions",
        "/v1/orders",
        "/v1/topics",
    ]
