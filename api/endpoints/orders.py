"""GET /v1/orders/{account}/{client_order_id}: the whole life of one order, each step with its place in the log."""

from starlette.requests import Request
from starlette.responses import Response

from api import answers, rows
from api.access.guard import need
from api.history import History
from api.parameters import ACCOUNT_, ORDER_, Given, path
from api.problems import Problem
from api.respond import respond

STEPS_MAX = 1000

DECISIONS_SQL = """
SELECT * FROM decisions WHERE account = %s AND client_order_id = %s
ORDER BY ts, log_partition, log_offset LIMIT %s"""
EVENTS_SQL = "SELECT * FROM order_events WHERE order_id = %s ORDER BY rev LIMIT %s"
FILLS_SQL = """
SELECT * FROM fills WHERE account = %s AND order_id = %s
ORDER BY ts, log_partition, log_offset LIMIT %s"""
CHILD_SQL = """
SELECT DISTINCT order_id FROM order_events WHERE account = %s AND client_order_id = %s LIMIT 1"""


async def life(request: Request) -> Response:
    """Its decisions, events and fills. A bracket's exits are orders of their own, named after their entry."""
    Given(request, ())
    account, name = path(request, ACCOUNT_), path(request, ORDER_)
    need(request, account)
    history: History = request.app.state.history
    decisions = await history.rows(DECISIONS_SQL, [account, name, STEPS_MAX])
    order_id = next((row["order_id"] for row in decisions if row["order_id"]), "")
    if not order_id:
        children = await history.rows(CHILD_SQL, [account, name])
        order_id = children[0]["order_id"] if children else ""
    if not decisions and not order_id:
        raise Problem(404, f"no order {name} of {account}")
    events = await history.rows(EVENTS_SQL, [order_id, STEPS_MAX]) if order_id else []
    fills = await history.rows(FILLS_SQL, [account, order_id, STEPS_MAX]) if order_id else []
    answer = answers.OrderLife(
        account=account,
        client_order_id=name,
        order_id=order_id,
        state=events[-1]["state"] if events else decisions[-1]["outcome"],
        decisions=[rows.decision(row) for row in decisions],
        events=[rows.order_step(row) for row in events],
        fills=[rows.fill(row) for row in fills],
    )
    return respond(request, answer)
