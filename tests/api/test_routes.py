"""What every route of the API does with good and bad requests, whatever the stores do."""

import asyncio
from typing import Any

import pytest

from api.app import build
from api.routing import CONTROLS, READ
from streams.settings import Settings
from tests.api.requests import OPERATOR, TENANT, asked, client

LISTS = ("/v1/positions", "/v1/orders")
HISTORY = ("/v1/fills", "/v1/rejections", "/v1/predictions", "/v1/dead-letters", "/v1/models")
PATHS = tuple(operation.path for operation in READ)


def problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"] and body["type"] == "about:blank"
    assert len(body["trace_id"]) == 32
    return body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", [*PATHS, "/"])
def test_any_method_that_writes_is_405_with_allow(absent: Settings, path: str, method: str) -> None:
    answer = asked(absent, path, method)
    assert problem(answer)["status"] == 405
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


def test_options_tell_the_methods_and_head_has_no_body(absent: Settings) -> None:
    answer = asked(absent, "/v1/kill-switch", "OPTIONS")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    with_controls = asked(absent, "/v1/kill-switch", "OPTIONS", controls=True)
    assert "POST" in with_controls.headers["allow"]
    head = asked(absent, "/v1/status", "HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/nothing", "/v1/status/", "/docs", "/page/secret", "/metrics", "/livez"]
)
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


@pytest.mark.parametrize("path", ["/v1/status", "/v1/topics", "/v1/models"])
def test_a_route_without_parameters_refuses_any(absent: Settings, path: str) -> None:
    assert problem(asked(absent, f"{path}?limit=1"))["status"] == 400


@pytest.mark.parametrize("path", LISTS)
def test_without_any_store_a_list_is_503_naming_them_never_empty(
    absent: Settings, path: str
) -> None:
    body = problem(asked(absent, path))
    assert body["status"] == 503
    assert "latest state" in body["detail"] and "history database" in body["detail"]


@pytest.mark.parametrize("path", HISTORY)
def test_without_the_database_history_is_503_naming_it(absent: Settings, path: str) -> None:
    body = problem(asked(absent, path))
    assert body["status"] == 503
    assert "history database" in body["detail"]


@pytest.mark.parametrize("path", ["/v1/topics", "/v1/kill-switch", "/v1/limits"])
def test_without_a_broker_what_the_log_says_is_503_naming_kafka(
    absent: Settings, path: str
) -> None:
    body = problem(asked(absent, path))
    assert body["status"] == 503
    assert "Kafka" in body["detail"]


def test_without_anything_status_still_answers(absent: Settings) -> None:
    answer = asked(absent, "/v1/status")
    assert answer.status_code == 200
    assert answer.json() == {
        "profile": "local",
        "simulation": True,
        "state": "UNKNOWN",
        "killed": [],
        "open_breakers": None,
        "processes": [],
        "log": "unreachable",
        "lag": None,
        "feed_sources": None,
    }


def test_an_equal_answer_is_304_to_who_has_it(absent: Settings) -> None:
    etag = asked(absent, "/v1/status").headers["etag"]
    again = asked(absent, "/v1/status", headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = asked(absent, "/v1/status", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_client_that_takes_no_json_gets_406(absent: Settings) -> None:
    assert problem(asked(absent, "/v1/status", headers={"Accept": "text/html"}))["status"] == 406
    assert asked(absent, "/v1/status", headers={"Accept": "application/*"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/status", "/v1/orders", "/nothing", "/openapi.json"])
def test_every_answer_carries_the_security_headers(absent: Settings, path: str) -> None:
    headers = asked(absent, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert "cache-control" in headers
    assert "access-control-allow-origin" not in headers


def test_a_trace_goes_through_and_a_bad_one_is_replaced(absent: Settings) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    given = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-ID": "job-7"}
    answer = asked(absent, "/nothing", headers=given)
    assert problem(answer)["trace_id"] == trace
    assert answer.headers["x-request-id"] == "job-7"
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")
    bad = asked(absent, "/v1/status", headers={"traceparent": "00-x", "X-Request-ID": "a" * 65})
    assert len(bad.headers["x-request-id"]) == 32


def test_a_bug_is_500_without_its_text(absent: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret 4711")

    monkeypatch.setattr("api.endpoints.system.lag_by_topic", broken)
    monkeypatch.setattr("api.watch.Watch.topics", {})
    answer = asked(absent, "/v1/status")
    assert problem(answer)["status"] == 500
    assert "4711" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_requests_are_counted_by_template_never_by_path(absent: Settings) -> None:
    async def run() -> str:
        app = build(absent)
        async with client(app) as http:
            for path in ("/v1/status", "/v1/accounts/x", "/hidden/path", "/v1/status?a=b"):
                await http.get(path)
            await http.request("BREW", "/v1/status")
        body: bytes = app.state.metrics.exposition("")[0]
        return body.decode()

    text = asyncio.run(run())
    assert 'requests_total{method="GET",route="/v1/status",status="200"} 1.0' in text
    assert 'requests_total{method="GET",route="/v1/status",status="400"} 1.0' in text
    assert 'requests_total{method="GET",route="/v1/accounts/{account}",status="503"} 1.0' in text
    assert 'requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'requests_total{method="OTHER",route="/v1/status",status="405"} 1.0' in text
    assert "hidden" not in text


def test_a_tenant_sees_no_other_account(absent: Settings) -> None:
    for path in ("/v1/accounts/paper", "/v1/orders/paper/a1", "/v1/fills?account=paper"):
        assert problem(asked(absent, path, token=TENANT))["status"] == 403
    assert asked(absent, "/v1/fills?account=second", token=TENANT).status_code == 503


def test_only_who_may_operate_turns_the_switch(absent: Settings) -> None:
    body = b'{"scope":"global","action":"engage","reason":"drill"}'
    refused = asked(absent, "/v1/kill-switch", "POST", controls=True, content=body)
    assert problem(refused)["status"] == 403
    assert 'scope="operate"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("content", "status", "pointer"),
    [
        (b"{", 422, "/"),
        (b'{"scope":"global","action":"stop","reason":"x"}', 422, "/action"),
        (b'{"scope":"global","action":"engage","reason":""}', 422, "/reason"),
        (b'{"scope":"global","action":"engage","reason":"x","more":1}', 422, "/more"),
        (b'{"scope":"strategy:s","action":"engage","reason":"x","flatten":true}', 422, "/"),
        (b'{"scope":"global","action":"release","reason":"x"}', 428, None),
    ],
)
def test_a_bad_turn_of_the_switch_is_refused_with_its_pointer(
    absent: Settings, content: bytes, status: int, pointer: str | None
) -> None:
    answer = asked(
        absent, "/v1/kill-switch", "POST", token=OPERATOR, controls=True, content=content
    )
    body = problem(answer)
    assert body["status"] == status
    if pointer is not None:
        assert [error["pointer"] for error in body["errors"]] == [pointer]


def test_controls_are_mounted_in_their_own_process_alone() -> None:
    assert {operation.method for operation in READ} == {"GET"}
    assert {operation.method for operation in CONTROLS} == {"POST"}
