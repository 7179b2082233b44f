"""What was: fills, rejections, predictions, dead letters, bars and runs, newest first, from the history database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from api import answers, rows
from api.access.guard import need, token_of
from api.access.tokens import Tokens
from api.history import History
from api.paging import decode, encode
from api.parameters import (
    ACCOUNT_,
    INTERVAL_,
    LIMIT_,
    MODEL_,
    PAGED,
    REASON_,
    RUN_,
    SYMBOL_,
    TOPIC_,
    Given,
    path,
)
from api.problems import Problem
from api.respond import respond

KEY = "extract(epoch FROM ts) * 1000 AS key_ms, log_partition, log_offset"
ORDER = "ORDER BY ts DESC, log_partition DESC, log_offset DESC"
FILLS = (ACCOUNT_, SYMBOL_, *PAGED)
REJECTIONS = (ACCOUNT_, SYMBOL_, REASON_, *PAGED)
PREDICTIONS = (SYMBOL_, MODEL_, *PAGED)
DEAD_LETTERS = (TOPIC_, REASON_, *PAGED)
BARS = (replace(SYMBOL_, required=True), INTERVAL_, LIMIT_)
SECONDS = {"1s": 1, "5s": 5, "1m": 60, "5m": 300, "1h": 3600, "1d": 86400}

Filters = dict[str, Any]


async def fills(request: Request) -> Response:
    given = Given(request, FILLS)
    found, cursor = await _page(request, given, "fills", _account(request, given))
    answer = answers.Fills(fills=[rows.fill(row) for row in found])
    return respond(request, answer, next_cursor=cursor)


async def rejections(request: Request) -> Response:
    """Commands that risk refused."""
    given = Given(request, REJECTIONS)
    filters = _account(request, given) | {"outcome": "rejected"}
    if given["reason"]:
        filters["reason"] = given["reason"]
    found, cursor = await _page(request, given, "decisions", filters)
    answer = answers.Rejections(rejections=[rows.decision(row) for row in found])
    return respond(request, answer, next_cursor=cursor)


async def predictions(request: Request) -> Response:
    given = Given(request, PREDICTIONS)
    filters = {name: given[name] for name in ("symbol", "model") if given[name]}
    found, cursor = await _page(request, given, "predictions", filters)
    answer = answers.Predictions(predictions=[rows.prediction(row) for row in found])
    return respond(request, answer, next_cursor=cursor)


async def dead_letters(request: Request) -> Response:
    """Records that the engine could not use; their bytes for the scope operate alone."""
    given = Given(request, DEAD_LETTERS)
    filters = {"origin_topic": given["topic"]} if given["topic"] else {}
    if given["reason"]:
        filters["reason"] = given["reason"]
    found, cursor = await _page(request, given, "dead_letters", filters)
    whole = "operate" in token_of(request).scopes
    letters = [rows.dead_letter(row, whole=whole) for row in found]
    return respond(request, answers.DeadLetters(dead_letters=letters), next_cursor=cursor)


async def audit(request: Request) -> Response:
    if not token_of(request).sees_all:
        raise Problem(403, "the audit log is of all accounts", reason="account")
    given = Given(request, (LIMIT_,))
    found = await _history(request).rows(AUDIT_SQL, [given.limit])
    shown = [rows.audit_entry(row) for row in found]
    return respond(request, answers.Audit(entries=shown))


AUDIT_SQL = "SELECT * FROM audit_log ORDER BY seq DESC LIMIT %s"


async def bars(request: Request) -> Response:
    """The newest bars of one symbol, oldest first. Prices and volumes as the instrument's tick and lot make them."""
    given = Given(request, BARS)
    symbol, interval = given["symbol"], given["interval"] or "1m"
    instrument = request.app.state.control.instrument(symbol)
    if instrument is None:
        raise Problem(404, f"no instrument {symbol}, or control is not read yet")
    width = SECONDS[interval]
    found = await _history(request).rows(
        BARS_SQL, [symbol, width, width * given.limit, symbol, given.limit]
    )
    shown = [rows.bar(row, instrument) for row in reversed(found)]
    return respond(request, answers.Bars(symbol=symbol, interval=interval, bars=shown))


BARS_SQL = """
WITH newest AS (SELECT max(ts) AS ts FROM trades WHERE symbol = %s)
SELECT
    extract(epoch FROM time_bucket(make_interval(secs => %s), trades.ts))::bigint AS time,
    (array_agg(price ORDER BY event_ns, log_offset))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY event_ns DESC, log_offset DESC))[1] AS close,
    sum(size) AS volume,
    count(*) AS trades
FROM trades, newest
WHERE trades.ts > newest.ts - make_interval(secs => %s) AND symbol = %s
GROUP BY 1 ORDER BY 1 DESC LIMIT %s"""


async def runs(request: Request) -> Response:
    """Replays, backtests, trainings and backfills, newest first."""
    given = Given(request, (LIMIT_,))
    found = await _history(request).rows(
        RUNS_SQL + " ORDER BY started_at DESC LIMIT %s", [given.limit]
    )
    return respond(request, answers.Runs(replays=[rows.run(row) for row in found]))


async def run(request: Request) -> Response:
    """One run."""
    Given(request, ())
    name = path(request, RUN_)
    found = await _history(request).rows(RUNS_SQL + " WHERE run_id = %s", [name])
    if not found:
        raise Problem(404, f"no run {name}")
    return respond(request, rows.run(found[0]))


RUNS_SQL = """
SELECT run_id, kind, state, started_at, heartbeat_at, ended_at, error, config, result FROM (
    SELECT run_id, kind, state, started_at, heartbeat_at, ended_at, error, config, result FROM runs
    UNION ALL
    SELECT run_id, 'training', state, coalesce(started_at, queued_at), heartbeat_at, ended_at, error, config,
        json_build_object('versions', versions, 'metrics', metrics, 'test_looks', test_looks, 'checks', docs)
    FROM train_runs
    UNION ALL
    SELECT run_id, 'backfill', state, started_at, heartbeat_at, ended_at, error,
        json_build_object('source', source, 'symbol', symbol, 'interval', interval, 'since', since, 'until', until),
        json_build_object('chunks_loaded', chunks_loaded, 'rows_loaded', rows_loaded, 'rows_changed', rows_changed,
            'retries', retries, 'resume_at', resume_at, 'checks', docs)
    FROM backfill_runs
    UNION ALL
    SELECT run_id, 'replay', 'queued', queued_at, queued_at, NULL, '', json_build_object('words', words), NULL
    FROM replay_queue WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = replay_queue.run_id)
) AS all_runs"""


def _history(request: Request) -> History:
    history: History = request.app.state.history
    return history


def _account(request: Request, given: Given) -> Filters:
    """The filters on account and symbol, with what the token may see."""
    filters: Filters = {}
    if given["account"]:
        need(request, given["account"])
        filters["account"] = given["account"]
    elif not token_of(request).sees_all:
        filters["account"] = list(token_of(request).accounts)
    if given["symbol"]:
        filters["symbol"] = given["symbol"]
    return filters


async def _page(
    request: Request, given: Given, table: str, filters: Filters
) -> tuple[Sequence[DictRow], str]:
    """Rows of a history table and the cursor of the next page. table and filter names are ours, values parameters."""
    tokens: Tokens = request.app.state.tokens
    conditions = [
        f"{name} = ANY(%s)" if isinstance(v, list) else f"{name} = %s"
        for name, v in filters.items()
    ]
    values: list[Any] = list(filters.values())
    if given["cursor"]:
        place = decode(tokens.secret(), given.question, given["cursor"])
        conditions.append("(ts, log_partition, log_offset) < (to_timestamp(%s / 1000.0), %s, %s)")
        values += place
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT *, {KEY} FROM {table} {where} {ORDER} LIMIT %s"
    found = await _history(request).rows(sql, [*values, given.limit + 1])
    page = found[: given.limit]
    if len(found) <= given.limit:
        return page, ""
    last = page[-1]
    key = [int(last["key_ms"]), last["log_partition"], last["log_offset"]]
    return page, encode(tokens.secret(), given.question, key)
