"""Who is let in: tokens, their file, rates, bodies."""

import asyncio
from pathlib import Path

import pytest

from api.access.buckets import BURST, Buckets
from api.access.tokens import TokenFile, Tokens, new_token
from api.app import build
from api.paging import decode, encode
from api.problems import Problem
from streams.settings import Settings
from tests.api.requests import READER, TOKENS, asked, client


def test_without_a_token_file_every_call_is_503(absent: Settings) -> None:
    answer = asked(absent.model_copy(update={"api_tokens_file": ""}), "/v1/status")
    assert answer.status_code == 503
    assert "no token file" in answer.json()["detail"]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer nobody", f"Basic {READER}", "Bearer é"])
def test_no_or_a_bad_token_is_401_with_a_challenge(absent: Settings, given: str) -> None:
    headers = {"Authorization": given.encode()} if given else {}
    answer = asked(absent, "/v1/status", token="", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_token_in_the_url_is_401_even_beside_a_good_one(absent: Settings) -> None:
    for name in ("token", "access_token", "Authorization"):
        assert asked(absent, f"/v1/status?{name}={READER}").status_code == 401


def test_the_page_and_the_contract_need_no_token(absent: Settings) -> None:
    assert asked(absent, "/", token="").status_code == 200
    assert asked(absent, "/openapi.json", token="").status_code == 200


def test_a_changed_file_counts_and_two_tokens_of_one_principal_do(tokens_file: Path) -> None:
    now = [0.0]
    tokens = Tokens(tokens_file, clock=lambda: now[0])
    assert tokens.find(READER) is not None
    fresh, more = new_token("reader")
    tokens_file.write_text(TokenFile(tokens=(*TOKENS, *more.tokens)).model_dump_json())
    now[0] = 2.0
    assert tokens.find(READER) is not None and tokens.find(fresh) is not None
    tokens_file.write_text(more.model_dump_json())
    now[0] = 4.0
    assert tokens.find(READER) is None and tokens.find(fresh) is not None


@pytest.mark.parametrize("content", ["", "[]", '{"tokens":[{"principal":"a"}]}', "{}"])
def test_an_unusable_file_lets_nobody_in(tokens_file: Path, content: str) -> None:
    tokens_file.write_text(content)
    tokens = Tokens(tokens_file)
    assert tokens.find(READER) is None
    assert tokens.refusal == "the token file cannot be used"


def test_a_file_that_others_may_read_lets_nobody_in(tokens_file: Path) -> None:
    tokens_file.chmod(0o604)
    assert Tokens(tokens_file).find(READER) is None


def test_a_principal_is_slowed_after_its_burst_and_another_is_not(absent: Settings) -> None:
    async def run() -> None:
        app = build(absent)
        async with client(app) as http:
            codes = [(await http.get("/v1/status")).status_code for _ in range(BURST + 5)]
            assert codes.count(200) >= BURST
            refused = await http.get("/v1/status")
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
        async with client(app, "tenant-token") as http:
            assert (await http.get("/v1/status")).headers["ratelimit-remaining"] == str(BURST - 1)

    asyncio.run(run())


def test_who_guesses_tokens_is_slowed_by_address(absent: Settings) -> None:
    async def run() -> None:
        app = build(absent)
        async with client(app, "guess") as http:
            codes = {(await http.get("/v1/status")).status_code for _ in range(BURST + 20)}
        assert codes == {401, 429}
        async with client(app) as http:
            assert (await http.get("/v1/status")).status_code == 200

    asyncio.run(run())


def test_a_bucket_refills_at_its_rate() -> None:
    now = [0.0]
    buckets = Buckets(rate=2.0, burst=2, clock=lambda: now[0])
    assert [buckets.take("a").retry_s for _ in range(3)] == [0, 0, 1]
    now[0] = 0.5
    assert [buckets.take("a").retry_s for _ in range(2)] == [0, 1]


def test_large_and_encoded_bodies_are_refused_unread(absent: Settings) -> None:
    large = asked(absent, "/v1/status", "POST", content=b"x" * 70_000)
    assert large.status_code == 413
    packed = asked(absent, "/v1/status", "POST", headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415


def test_a_cursor_is_good_for_its_own_question_alone() -> None:
    cursor = encode(b"secret", "/v1/fills", [1, 2, 3])
    assert decode(b"secret", "/v1/fills", cursor) == [1, 2, 3]
    for secret, question, text in (
        (b"other", "/v1/fills", cursor),
        (b"secret", "/v1/orders", cursor),
        (b"secret", "/v1/fills", cursor[:-2] + "AA"),
        (b"secret", "/v1/fills", "é"),
        (b"secret", "/v1/fills", ""),
    ):
        with pytest.raises(Problem):
            decode(secret, question, text)
