"""Every reason that the traders' page explains is reached by a test: a code without one is noticed here."""

from collections.abc import Callable
from typing import Any

import pytest

from api.documents import reasons
from streams import control, orders, topics
from streams.codec import Undecodable
from streams.messages import Decision
from tests.broker.exchange import SYMBOL, Stage, instrument
from tests.limits import test_checks
from tests.market import drive as market_drive
from tests.market import test_market
from tests.strategy import own
from tests.strategy.seat import Seat, prediction
from tests.trading import test_gate, test_order_input, test_silence
from tests.trading.drive import ETH, ready
from tests.transport.demo import FAILS
from tests.transport.dict_run import DictRun
from tests.transport.records import Record
from tests.transport.records import quote as raw_quote
from tests.transport.test_fold_refusals import letters, with_bad_at

LIMIT: dict[str, Any] = {"qty": "0.010", "price": "50000.00"}
BRACKET = {"stop_loss": "99", "take_profit": "101"}


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Undecodable) as found:
        act()
    return found.value.reason


def dead(name: str) -> Callable[[], str]:
    """Bytes on `orders` that nobody can be answered for."""
    return lambda: refused(lambda: orders.decode(test_order_input.DEAD[name][0]))


def expired() -> str:
    return ready().order(**LIMIT, tif="GTD", expire_at="2020-01-01T00:00:00Z").reason


def other_command() -> str:
    drive = ready()
    drive.order(**LIMIT)
    return drive.order(**LIMIT | {"qty": "0.011"}).reason


def other_mode() -> str:
    drive = ready()
    drive.order(**LIMIT)
    drive.control(control.Account(account="a", mode="production"))
    return drive.order(**LIMIT).reason


def unreadable_control() -> str:
    drive = ready()
    refused(lambda: drive.send(topics.CONTROL, "kill:global", b"{"))
    return drive.order(**LIMIT).reason


def vetoed() -> str:
    drive = ready(watchdog="review")
    order_id = drive.order(**LIMIT).order_id
    veto = control.Review(order_id=order_id, verdict="veto", reviewer="ann")
    return str(drive.control(veto)[0].message.reason)


def unanswered_review() -> str:
    drive = ready(watchdog="review")
    drive.order(**LIMIT)
    drive.clock += 2 * 10**9
    (told,) = [o.message for o in drive.mark(ETH.symbol, 199_990, 200_010)]
    assert isinstance(told, Decision)
    return told.reason


def changed(*commands: dict[str, Any], end: str = "", **account: Any) -> Callable[[], str]:
    """The last of these commands on an order."""

    def reach() -> str:
        drive = ready(**account)
        order_id = drive.order(**LIMIT, client_order_id="first").order_id
        if end:
            drive.ended(order_id, "CANCELLED", 0)
        told = [
            drive.order(target="first", client_order_id=f"{n}", **c) for n, c in enumerate(commands)
        ]
        return told[-1].reason

    return reach


CANCEL: dict[str, Any] = {"cmd": "cancel"}
REPLACE: dict[str, Any] = {"cmd": "replace", "qty": "0.020"}


def unknown_order() -> str:
    return ready().order(cmd="cancel", target="nothing").reason


def bracket_replace(exit_id: str, qty: str) -> Callable[[], str]:
    def reach() -> str:
        stage = bracket()
        stage.quote("100", "100.1")
        stage.replace(f"1-0-0/{exit_id}", qty=qty)
        stage.quote("100", "100.1")
        return stage.events[-1].reason

    return reach


def bracket(**entry: Any) -> Stage:
    stage = Stage()
    stage.accept("buy", "market", "10", **BRACKET | entry)
    return stage


def last(
    *acts: Callable[[Stage], object], of: Callable[[], Stage] = Stage, order: str = ""
) -> Callable[[], str]:
    """The reason of the last event of an exchange, or of one order there."""

    def reach() -> str:
        stage = of()
        for act in acts:
            act(stage)
        return [each for each in stage.events if order in ("", each.order_id)][-1].reason

    return reach


def sent(
    side: Any = "buy", type: Any = "limit", qty: str = "10", **terms: Any
) -> Callable[[Stage], object]:
    return lambda stage: stage.accept(side, type, qty, **terms)


def shown(bid: str = "100", ask: str = "100.1", **more: Any) -> Callable[[Stage], object]:
    return lambda stage: stage.quote(bid, ask, **more)


def cancelled(reason: str) -> Callable[[Stage], object]:
    return lambda stage: stage.cancel("1-0-0", reason=reason)


def rule(*acts: Callable[[Stage], object], **of: Any) -> Callable[[], str]:
    """The rule of the last fill of an exchange."""

    def reach() -> str:
        stage = Stage(instrument(**of))
        for act in acts:
            act(stage)
        return stage.fills[-1].rule

    return reach


def strategy(*answers: Any) -> Callable[[], str]:
    return lambda: Seat(own.Says(*answers)).refusal(prediction(0, 0.9)).reason


def failing_handler() -> str:
    run = DictRun()
    run.apply(topics.QUOTES, with_bad_at(0, raw_quote(0, bid=FAILS)))
    (letter,) = letters(run.outputs)
    return str(letter.reason)


def null_value() -> str:
    run = DictRun()
    run.apply(topics.QUOTES, with_bad_at(0, Record(0, 0, b"k", None)))
    (letter,) = letters(run.outputs)
    return str(letter.reason)


def foreign_key() -> str:
    return refused(lambda: ready().outputs("b", **LIMIT))


def known_deposit() -> str:
    deposit = control.Cash(account="a", id="first", currency="USD", amount="1")
    return refused(lambda: ready().control(deposit))


def future() -> str:
    data = control.encode(control.InstrumentRecord(instrument=ETH)).replace(b'"spot"', b'"future"')
    return refused(lambda: control.decode(data))


def sizeless_tick() -> str:
    tables = market_drive.Tables(market_drive.instrument(market_drive.SYMBOL))
    tick = test_market.quote(0, bid_size=-1)
    return refused(lambda: market_drive.ticks(tables, [tick]))


def halted(stage: Stage) -> None:
    stage.tables.instruments.put(SYMBOL, instrument(status="halted"))


def stuck() -> str:
    drive, _ = test_silence.sent()
    return test_silence.alarms(drive, 60)[0].reason


def oco(*acts: Callable[[Stage], object]) -> Callable[[], str]:
    both = (sent(price="99", group_id="g", group_kind="oco"),)
    other = sent("sell", price="102", group_id="g", group_kind="oco")
    return last(*both, other, *acts)


REACHED: dict[str, Callable[[], str]] = {
    "ALREADY_EXPIRED": expired,
    "DUPLICATE_ID_MISMATCH": other_command,
    "MODE_CHANGED": other_mode,
    "CONTROL_INVALID": unreadable_control,
    "WATCHDOG_VETO": vetoed,
    "WATCHDOG_TIMEOUT": unanswered_review,
    "UNKNOWN_ORDER": unknown_order,
    "ORDER_TERMINAL": changed(CANCEL, end="CANCELLED"),
    "CANCEL_PENDING": changed(CANCEL, CANCEL),
    "REPLACE_PENDING": changed(REPLACE, REPLACE),
    "REVIEW_PENDING": changed(REPLACE, watchdog="review"),
    "STUCK": stuck,
    "PROTECTION_REQUIRED": bracket_replace("sl", "4"),
    "BRACKET_QTY": bracket_replace("sl", "12"),
    "CLIENT": last(sent(price="99"), shown(), cancelled("CLIENT"), shown()),
    "FLATTENED": last(sent(price="99"), shown(), cancelled("FLATTENED")),
    "IOC_REST": last(sent(price="101", tif="IOC"), shown(ask_size="0.001"), shown()),
    "FOK_UNFILLED": last(sent(price="100.1", tif="FOK"), shown(ask_size="1")),
    "PROTECTION": last(sent(type="market", protection="100.1"), shown(ask_size="1")),
    "REDUCE_ONLY": last(sent(type="market", reduce_only=True), shown()),
    "POST_ONLY_WOULD_TAKE": last(sent(price="101", post_only=True), shown()),
    "EXIT_COMPLETE": last(shown(), shown("101", "101.1"), of=bracket),
    "STOP_CROSSED": last(shown("98", "98.1"), of=bracket, order="1-0-0"),
    "PARENT_ENDED": last(
        sent(price="99"),
        sent("sell", price="101", group_kind="oto", parent_id="1-0-0"),
        cancelled("KILLED"),
    ),
    "GROUP_FILLED": oco(shown(), shown("98.9", "99")),
    "NOT_SIM": last(sent(price="99", mode="production")),
    "NO_BOOK": last(sent(price="99"), shown(flags="stale", at=0), shown(flags="stale", at=60_000)),
    "HALTED": last(sent(price="99"), halted, shown(at=60_000)),
    "TAKER": rule(sent(type="market"), shown()),
    "WALK": rule(sent(type="market"), shown(ask_size="5")),
    "STOP": rule(sent("sell", "stop", stop_price="99"), shown(), shown("98", "98.1")),
    "THROUGH_QUOTE": rule(sent(price="99"), shown(), shown("98.9", "99")),
    "THROUGH_TRADE": rule(sent(price="99"), shown(), lambda stage: stage.trade("98.9", "1")),
    "QUEUE": rule(sent(price="100"), shown(bid_size="1"), lambda stage: stage.trade("100", "2")),
    "TOUCH": rule(
        sent(price="100"), shown(), lambda stage: stage.trade("100", "2"), queue="always"
    ),
    "THROUGH_BAR": rule(sent(price="99"), lambda stage: stage.bar("100", "101", "98", "100")),
    **{reason: dead(name) for name, (_, reason) in test_order_input.DEAD.items()},
    "KEY_MISMATCH": foreign_key,
    "NULL_VALUE": null_value,
    "HANDLER_ERROR": failing_handler,
    "SIZE_NOT_POSITIVE": sizeless_tick,
    "CONTROL_REPLAYED": known_deposit,
    "INSTRUMENT_KIND_UNSUPPORTED": future,
    "STRATEGY_ERROR": strategy(None),
    "STRATEGY_ANSWER": strategy(({}, ())),
}
"""What the gate refuses is in the tables of its own tests."""


@pytest.mark.parametrize("code", REACHED)
def test_reason_is_reached(code: str) -> None:
    assert REACHED[code]() == code


def test_every_reason_that_is_explained_is_reached() -> None:
    of_the_gate = {case.reason for case in test_gate.CASES}
    of_the_gate |= {case.reason for case in test_checks.CASES}
    assert set(reasons.codes()) == of_the_gate | set(REACHED)
