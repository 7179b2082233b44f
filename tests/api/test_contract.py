"""The API against its own OpenAPI document, over a socket: schemathesis asks, all its checks judge."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from api.access.buckets import Allowance
from api.access.tokens import TokenFile
from api.app import build
from api.documents.openapi import document
from api.server import Server
from streams.ports import free_port
from streams.settings import Settings
from tests.api.requests import OPERATOR, TOKENS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module"  # the library's own strategies do
)
CONTRACT: Any = schemathesis.openapi.from_dict(document())
CONTRACT.config.generation.update(
    with_security_parameters=False
)  # we log in: left out would be no fault
positive_data_acceptance = CHECKS.get_one("positive_data_acceptance")
BUT_THE_STREAM = CONTRACT.exclude(path="/v1/events")
"""Its answer does not end."""


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, broker: str, stored: dict[str, str]
) -> Iterator[str]:
    """The controls process's application over a log and stores."""
    file = tmp_path_factory.mktemp("contract") / "tokens.json"
    file.touch(mode=0o600)
    file.write_text(TokenFile(tokens=TOKENS).model_dump_json())
    given = Settings(brokers=broker, partitions=2, api_tokens_file=str(file))
    given = given.model_copy(update=stored)
    port = free_port()
    app = build(given, with_controls=True)
    server = Server(app, port)
    thread = threading.Thread(target=server.run, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.access.buckets.Buckets.take", lambda *_: Allowance(9, 0))
        thread.start()
        while not (server.started and app.state.control.is_current and app.state.watch.topics):
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(30)


def ask(case: Any, url: str) -> None:
    """A cursor, and the conditions of a release, are good or bad by what was answered before: no schema can tell."""
    opaque = case.operation.method == "post" or "cursor" in (case.query or {})
    case.call_and_validate(
        base_url=url,
        headers={"Authorization": f"Bearer {OPERATOR}"},
        timeout=30,
        excluded_checks=[positive_data_acceptance] if opaque else [],
    )


def profile(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )


@BUT_THE_STREAM.parametrize()  # type: ignore[untyped-decorator]  # the library is untyped
@profile(3)
def test_the_api_keeps_to_its_contract(case: Any, url: str) -> None:
    ask(case, url)


@pytest.mark.soak
@BUT_THE_STREAM.parametrize()  # type: ignore[untyped-decorator]  # the library is untyped
@profile(1000)
def test_the_api_keeps_to_its_contract_a_thousand_times(case: Any, url: str) -> None:
    ask(case, url)
