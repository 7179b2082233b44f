"""Every route of `/v1` as a row: what it answers, takes and refuses. The application and its OpenAPI are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import answers, parameters, posts
from api.answers import Shown
from api.endpoints import asks, controls, current, events, history, models, orders, system
from api.parameters import ACCOUNT_, MODEL_, NAME_, ORDER_, RUN_, Parameter

Endpoint = Callable[[Request], Awaitable[Response]]

REFUSALS = {
    400: "A parameter is bad, unknown or repeated.",
    401: "No valid bearer token.",
    403: "The token may not do or see this.",
    406: "The client takes no JSON.",
    413: "The body is too large.",
    415: "A content encoding, which is not accepted.",
    429: "Too many requests; see Retry-After.",
    500: "A bug; the log has its cause under trace_id.",
    503: "A store or the log does not answer; the detail names it.",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path. name: its operationId; statuses: refusals beyond those of every route."""

    path: str
    name: str
    endpoint: Endpoint
    answer: type[Shown] | None
    query: tuple[Parameter, ...] = ()
    in_path: tuple[Parameter, ...] = ()
    statuses: tuple[tuple[int, str], ...] = ()
    method: str = "GET"
    body: type[Any] | None = None
    media_type: str = "application/json"

    @property
    def about(self) -> str:
        """Its endpoint's docstring, else that of its answer."""
        return (self.endpoint.__doc__ or (self.answer.__doc__ if self.answer else "") or "").strip()


def _get(
    path: str,
    name: str,
    endpoint: Endpoint,
    answer: type[Shown],
    query: tuple[Parameter, ...] = (),
    in_path: tuple[Parameter, ...] = (),
) -> Operation:
    statuses = ((404, "There is none of that name."),) if in_path or name == "bars" else ()
    return Operation(path, name, endpoint, answer, query, in_path, statuses)


READ: tuple[Operation, ...] = (
    _get("/v1/status", "status", system.status, answers.Status),
    _get("/v1/topics", "topics", system.topics, answers.Topics),
    _get("/v1/kill-switch", "killSwitch", system.kill_switch, answers.KillSwitch),
    _get("/v1/breakers", "breakers", system.breakers, answers.Breakers),
    _get("/v1/limits", "limits", system.limits, answers.Limits, (ACCOUNT_,)),
    _get("/v1/accounts/{account}", "account", current.account, answers.AccountDetail, (), (ACCOUNT_,)),
    _get("/v1/positions", "positions", current.positions, answers.Positions, current.KNOWN),
    _get("/v1/orders", "orders", current.orders, answers.Orders, current.KNOWN),
    _get("/v1/marks", "marks", current.marks, answers.Marks, (parameters.SYMBOL_,)),
    _get(
        "/v1/orders/{account}/{client_order_id}",
        "order", orders.life, answers.OrderLife, (), (ACCOUNT_, ORDER_),
    ),
    _get("/v1/fills", "fills", history.fills, answers.Fills, history.FILLS),
    _get("/v1/rejections", "rejections", history.rejections, answers.Rejections, history.REJECTIONS),
    _get("/v1/predictions", "predictions", history.predictions, answers.Predictions, history.PREDICTIONS),
    _get("/v1/dead-letters", "deadLetters", history.dead_letters, answers.DeadLetters, history.DEAD_LETTERS),
    _get("/v1/bars", "bars", history.bars, answers.Bars, history.BARS),
    _get("/v1/models", "models", models.models, answers.Models),
    _get("/v1/models/{model}", "model", models.model, answers.Models, (), (MODEL_,)),
    _get("/v1/replays", "replays", history.runs, answers.Runs, (parameters.LIMIT_,)),
    _get("/v1/replays/{id}", "replay", history.run, answers.Run, (), (RUN_,)),
    _get("/v1/audit", "audit", history.audit, answers.Audit, (parameters.LIMIT_,)),
    Operation("/v1/events", "events", events.events, None, events.KNOWN, media_type=events.MEDIA_TYPE),
)  # fmt: skip

CONTROLS: tuple[Operation, ...] = (
    Operation(
        "/v1/kill-switch",
        "turnKillSwitch",
        controls.kill_switch,
        posts.KillAnswer,
        method="POST",
        body=posts.KillRequest,
        statuses=(
            (409, "The Idempotency-Key was used for another request."),
            (412, "The switches have changed since the ETag of If-Match."),
            (422, "The body is wrong; errors has pointers."),
            (428, "A release needs If-Match and Idempotency-Key."),
        ),
    ),
    Operation(
        "/v1/breakers/{name}/reset",
        "resetBreaker",
        asks.reset_breaker,
        posts.ResetAnswer,
        in_path=(NAME_,),
        method="POST",
        body=posts.ResetRequest,
        statuses=(
            (404, "There is no such symbol."),
            (409, "No breaker is open, or the Idempotency-Key was used for another request."),
            (422, "The body is wrong; errors has pointers."),
            (428, "It needs an Idempotency-Key."),
        ),
    ),
    Operation(
        "/v1/replays",
        "queueReplay",
        asks.queue_replay,
        posts.ReplayAnswer,
        method="POST",
        body=posts.ReplayRequest,
        statuses=(
            (409, "The run exists, or the Idempotency-Key was used for another request."),
            (422, "The body is wrong; errors has pointers."),
            (428, "It needs an Idempotency-Key."),
        ),
    ),
)
"""Mounted by `headrace api --controls` alone."""


def routes(*, with_controls: bool) -> list[Route]:
    """The routes of a process; everywhere else than in the controls process a POST is a 405."""
    operations = (*READ, *CONTROLS) if with_controls else READ
    methods: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        methods.setdefault(operation.path, {})[operation.method] = operation.endpoint
    return [_route(path, by_method) for path, by_method in methods.items()]


def _route(path: str, by_method: dict[str, Endpoint]) -> Route:
    reads = {"HEAD"} if "GET" in by_method else set()
    allowed = sorted({*by_method, *reads, "OPTIONS"})

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
        method = "GET" if request.method == "HEAD" else request.method
        return await by_method[method](request)

    # A symbol has a slash, which a client writes as %2F and the server has read by now.
    return Route(path.replace("{name}", "{name:path}"), answer, methods=allowed)
