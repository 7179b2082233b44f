"""The checker finds nothing in a good history, and names the rule in each of those that were broken by hand."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agents.routes import routes
from api.verify.history import History, stamp
from api.verify.rules import check
from streams import codec, topics
from streams.log import Record
from streams.messages import Bar, Quote
from tests.faults.cluster import PARTITIONS
from tests.faults.commands import fixed_rounds
from tests.faults.dict_system import DictSystem

Break = Callable[[History], None]


@pytest.fixture(scope="module")
def good() -> History:
    """A history with orders of every kind, from the routes over dicts."""
    system = DictSystem(routes(PARTITIONS), PARTITIONS, most=50)
    for puts in fixed_rounds(seed=5, rounds=25, commands=10):
        system.put(puts)
        system.run()
    return system.history()


def test_a_good_history_breaks_no_rule_and_has_something_to_check(good: History) -> None:
    assert check(good) == []
    assert len(good.of("fills")) > 50
    assert len(good.of("dead.letters")) > 3
    states = {event.state for _, event in good.messages("orders.events")}
    assert states >= {"FILLED", "CANCELLED", "WORKING", "UNTRIGGERED", "TRIGGERED"}
    outcomes = {decision.outcome for _, decision in good.messages("risk.decisions")}
    assert outcomes >= {"accepted", "rejected", "duplicate"}
    assert good.rows("symbol-state", "exchange.orders")


def test_fills_from_bars_are_from_somewhere() -> None:
    system = DictSystem(routes(PARTITIONS), PARTITIONS, most=50)
    last: dict[str, tuple[Quote, int]] = {}
    for puts in fixed_rounds(seed=6, rounds=12, commands=10):
        system.put(puts)
        system.run()
        for topic, symbol, value, moment in puts:
            if topic == topics.QUOTES.name and value is not None and moment is not None:
                last[symbol] = topics.QUOTES.decode(value), moment
    for symbol, (quote, moment) in last.items():
        system.put([(topics.BARS.name, symbol, codec.encode(bar(quote)), moment + 2_000)])
    system.run()
    found = system.history()
    assert check(found) == []
    fills = [fill for _, fill in found.messages("fills")]
    assert [fill for fill in fills if fill.cause.topic == topics.BARS.name]


def bar(quote: Quote) -> Bar:
    """A wild second behind a quote."""
    start = quote.time + 1_000_000_000
    return Bar(
        symbol=quote.symbol,
        open=quote.ask,
        high=quote.ask * 2,
        low=max(1, quote.bid // 2),
        close=quote.bid,
        volume=10**9,
        start=start,
        time=start + 999_999_999,
        received=start + 10**9,
        source="test",
    )


def edit(history: History, topic: str, number: int, change: Callable[[Any], Any]) -> None:
    """Rewrite the value of one record of a topic."""
    record = history.of(topic)[number]
    message = topics.BY_NAME[topic].decode(record.value or b"")
    history.of(topic)[number] = record._replace(value=codec.encode(change(message)))


def with_fields(**fields: Any) -> Callable[[Any], Any]:
    return lambda message: msgspec.structs.replace(message, **fields)


def edit_row(history: History, state: str, table: str, change: Callable[[Any], None]) -> None:
    """Rewrite the last value of one row of a changelog."""
    records = history.of(state)
    for number in range(len(records) - 1, -1, -1):
        key, value = records[number].key or b"", records[number].value
        if key.startswith(f"{table}|".encode()) and value is not None:
            row = msgspec.json.decode(value[1:])
            change(row)
            written = value[:1] + msgspec.json.encode(row)
            records[number] = records[number]._replace(value=written)
            return
    raise LookupError(f"{state} has no row of {table}")


def doubled(history: History, topic: str, number: int) -> None:
    """The same record once more, at the end of its partition."""
    record = history.of(topic)[number]
    history.of(topic).append(record._replace(offset=10**6))


def number_of(history: History, topic: str, fits: Callable[[Any], bool]) -> int:
    """The place of the first message of a topic that fits."""
    for number, (_, message) in enumerate(history.messages(topic)):
        if fits(message):
            return number
    raise LookupError(f"{topic} has no such message")


def lose_a_decision(h: History) -> None:
    number = number_of(h, "risk.decisions", lambda d: d.outcome == "rejected")
    del h.of("risk.decisions")[number]


def decide_twice(h: History) -> None:
    doubled(h, "risk.decisions", number_of(h, "risk.decisions", lambda d: d.outcome == "rejected"))


def lose_an_accepted_order(h: History) -> None:
    del h.of("orders.accepted")[number_of(h, "orders.accepted", lambda m: m.order is not None)]


def accept_an_id_twice(h: History) -> None:
    number = number_of(h, "orders.accepted", lambda m: m.order is not None)
    first = h.messages("orders.accepted")[number][1].order
    other = number_of(
        h,
        "orders.accepted",
        lambda m: m.order and m.order.account == first.account and m.order != first,
    )
    same = {"client_order_id": first.client_order_id}
    edit(h, "orders.accepted", other, lambda m: with_fields(order=with_fields(**same)(m.order))(m))


def lose_an_end(h: History) -> None:
    del h.of("orders.events")[number_of(h, "orders.events", lambda e: e.state == "CANCELLED")]


def end_twice(h: History) -> None:
    number = number_of(h, "orders.events", lambda e: e.state == "CANCELLED")
    doubled(h, "orders.events", number)


def forget_a_live_order(h: History) -> None:
    (partition, key), _ = next(iter(h.rows("symbol-state", "exchange.orders").items()))
    name = f"exchange.orders|{key}".encode()
    h.of("symbol-state").append(Record("symbol-state", partition, 10**6, 0, name, None, ()))


def keep_an_ended_order_reserved(h: History) -> None:
    (partition, key), row = next(iter(h.rows("account-state", "orders").items()))
    value = b"\x01" + msgspec.json.encode(row)
    name = f"orders|{key}-more".encode()
    h.of("account-state").append(Record("account-state", partition, 10**6, 0, name, value, ()))


def fill_twice(h: History) -> None:
    doubled(h, "fills", 0)


def lose_a_fill(h: History) -> None:
    del h.of("fills")[0]


def fill_too_much(h: History) -> None:
    edit(h, "fills", 0, with_fields(qty="1000000"))


def fill_beyond_the_limit(h: History) -> None:
    limited = {
        m.order.order_id: m.order.side
        for _, m in h.messages("orders.accepted")
        if m.order and m.order.price
    }
    number = number_of(h, "fills", lambda fill: fill.order_id in limited)
    side = h.messages("fills")[number][1].side
    edit(h, "fills", number, with_fields(price="100000" if side == "buy" else "0.01"))


def fill_from_nowhere(h: History) -> None:
    number = number_of(h, "fills", lambda fill: fill.cause.topic == "market.quotes")
    fill = h.messages("fills")[number][1]
    cause = fill.cause._replace(offset=10**6)
    name = f"{fill.order_id}:{cause.partition}:{cause.offset}:0"
    edit(h, "fills", number, with_fields(cause=cause, fill_id=name))


def tell_another_position(h: History) -> None:
    edit(h, "positions", number_of(h, "positions", lambda p: p.fill_id), with_fields(qty="7.5"))


def lose_a_position(h: History) -> None:
    del h.of("positions")[number_of(h, "positions", lambda p: p.fill_id)]


def tell_other_cash(h: History) -> None:
    edit(h, "positions", number_of(h, "positions", lambda p: p.fill_id), with_fields(cash="1"))


def charge_no_fee(h: History) -> None:
    edit(h, "fills", 0, with_fields(fee="0"))


def book_cash_in_the_changelog(h: History) -> None:
    edit_row(h, "account-state", "balances", lambda row: row.update(cash=row["cash"] + 1))


def move_a_position_in_the_changelog(h: History) -> None:
    edit_row(h, "account-state", "positions", lambda row: row.update(qty=row["qty"] + 1))


def make_money_in_the_changelog(h: History) -> None:
    edit_row(h, "account-state", "totals", lambda row: row.update(fees=row["fees"] + 1))


def reserve_too_much(h: History) -> None:
    edit_row(h, "account-state", "balances", lambda row: row.update(reserved=row["reserved"] + 1))


def tear_a_transaction(h: History) -> None:
    """The event of a fill, without the fill's own record of positions changed."""
    for number, record in enumerate(h.of("orders.events")):
        found = stamp(record)
        if found is not None and found.of > 1:
            del h.of("orders.events")[number]
            return


def apply_a_step_twice(h: History) -> None:
    """Two causes under one step."""
    first, second = h.of("features")[:2]
    step = dict(first.headers)["stamp"].split(b":")[3]
    text = dict(second.headers)["stamp"].split(b":")
    h.of("features")[1] = second._replace(
        headers=(("stamp", b":".join([*text[:3], step, *text[4:]])),)
    )


def an_old_owner_writes_on(h: History) -> None:
    """A later output under an earlier epoch."""
    last = h.of("features")[-1]
    text = dict(last.headers)["stamp"].rpartition(b":")[0] + b":0"
    h.of("features")[-1] = last._replace(headers=(("stamp", text),))


def skip_an_input(h: History) -> None:
    first = h.of("market.trades")[0]
    h.of("market.trades").insert(0, first._replace(offset=-1))


def change_a_dead_record(h: History) -> None:
    origin = h.messages("dead.letters")[0][1].origin
    for number, record in enumerate(h.of(origin.topic)):
        if (record.partition, record.offset) == (origin.partition, origin.offset):
            h.of(origin.topic)[number] = record._replace(value=b"other")


BREAKS: list[tuple[str, Break]] = [
    ("I1", lose_an_end),
    ("I1", end_twice),
    ("I1", forget_a_live_order),
    ("I2", lose_a_decision),
    ("I2", decide_twice),
    ("I2", lose_an_accepted_order),
    ("I2", accept_an_id_twice),
    ("I3", fill_twice),
    ("I3", lose_a_fill),
    ("I3", fill_too_much),
    ("I3", fill_beyond_the_limit),
    ("I4", tell_another_position),
    ("I4", lose_a_position),
    ("I4", lose_a_fill),
    ("I5", tell_other_cash),
    ("I5", charge_no_fee),
    ("I5", make_money_in_the_changelog),
    ("I6", book_cash_in_the_changelog),
    ("I6", move_a_position_in_the_changelog),
    ("I6", keep_an_ended_order_reserved),
    ("I8", an_old_owner_writes_on),
    ("I8", apply_a_step_twice),
    ("I9", tear_a_transaction),
    ("I9", fill_twice),
    ("I9", skip_an_input),
    ("I14", reserve_too_much),
    ("I15", fill_from_nowhere),
    ("I17", change_a_dead_record),
]


@pytest.mark.parametrize(
    ("rule", "break_it"), BREAKS, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_history_that_was_broken_is_named_by_its_rule(
    good: History, rule: str, break_it: Break
) -> None:
    broken = History({topic: [*records] for topic, records in good.records.items()})
    break_it(broken)
    assert rule in {violation.rule for violation in check(broken)}


def test_the_good_history_is_still_good(good: History) -> None:
    assert check(copy.copy(good)) == []
