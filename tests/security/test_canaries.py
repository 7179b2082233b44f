"""Secrets that were planted appear in no answer of the API, no metric and no line of any log, also when all fails."""

import asyncio
import logging
from pathlib import Path

import pytest

from api.access.tokens import TokenFile
from api.app import build
from api.routing import READ
from streams.ports import LOOPBACK, free_port
from streams.settings import Settings
from tests.api.requests import TOKENS, asked, client
from tests.security.authority import Authority

CANARIES = {name: f"canary-of-{name}-7d1e" for name in ("kafka", "postgres", "redis")}
PATHS = [operation.path.replace("{", "").replace("}", "") for operation in READ]


@pytest.fixture
def planted(tmp_path: Path) -> Settings:
    """Settings of which nothing answers, each with a secret."""
    files = {}
    for name, text in CANARIES.items():
        files[name] = tmp_path / name
        files[name].touch(mode=0o600)
        files[name].write_text(text)
    tokens = tmp_path / "tokens.json"
    tokens.touch(mode=0o600)
    tokens.write_text(TokenFile(tokens=TOKENS).model_dump_json())
    return Settings(
        brokers=f"{LOOPBACK}:{free_port()}",
        kafka_security="SASL_SSL",
        kafka_user="api",
        kafka_password_file=str(files["kafka"]),
        kafka_ca_file=str(Authority("tests").write(tmp_path / "ca.pem")),
        postgres_url=f"postgresql://api@{LOOPBACK}:{free_port()}/headrace",
        postgres_password_file=str(files["postgres"]),
        redis_url=f"redis://api@{LOOPBACK}:{free_port()}/0",
        redis_password_file=str(files["redis"]),
        api_tokens_file=str(tokens),
    )


def test_canaries_are_in_no_answer_metric_or_log(
    planted: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [repr(planted)]
    for path in PATHS:
        if path != "/v1/events":
            answer = asked(planted, path)
            seen += [answer.text, str(answer.headers)]
    assert any('"status":503' in text or '"status": 503' in text for text in seen)
    shown = "\n".join([*seen, caplog.text])
    assert [name for name, text in CANARIES.items() if text in shown] == []
    assert "reader-token" not in shown


def test_canaries_are_in_no_metric(planted: Settings) -> None:
    async def exposition() -> str:
        app = build(planted)
        async with client(app) as http:
            await http.get("/v1/fills")
        body: bytes = app.state.metrics.exposition("")[0]
        return body.decode()

    text = asyncio.run(exposition())
    assert "headrace_insecure_default_enabled" in text
    assert [name for name, canary in CANARIES.items() if canary in text] == []
