"""A batch and its offsets in the history: all or nothing, once, exact, and only from the owner."""

import decimal
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from sinks.batch import Batch, Span
from sinks.history import Claim, Fenced, History, Written
from sinks.rows import BY_TOPIC
from sinks.writes import Differs
from streams.topics import ALIAS, Topic
from tests.sinks.messages import (
    EVENTS,
    FILLS,
    MARKS,
    ONE_OF_EACH,
    POSITIONS,
    TRADES,
    alias,
    batch_of,
    fill,
    mark,
    order_event,
    position,
    record,
    trade,
)
from tests.sinks.stored import next_of, read_again, select, store, with_history


def test_rows_and_their_offset_are_stored_together(database: str) -> None:
    written = store(database, TRADES, [trade(0), trade(1), trade(2)])
    assert written == Written({"trades": 3}, conflicts=0)
    assert next_of(database, TRADES) == 3
    rows = select(database, "SELECT log_offset, price, size, side, trade_id FROM trades ORDER BY 1")
    assert rows == [(n, 100_000 + n, 5, "buy", n) for n in range(3)]


def test_the_time_of_a_row_is_its_records(database: str) -> None:
    store(database, TRADES, [trade(0), trade(123)])
    times = select(
        database, "SELECT (extract(epoch FROM ts) * 1000)::bigint FROM trades ORDER BY 1"
    )
    assert times == [(1_767_225_600_000,), (1_767_225_600_001,)]


@pytest.mark.parametrize(
    "amount",
    [
        "0.000000000000000001",
        "-99999999999999999999.999999999999999999",
        "12345678901234567890.123456789012345678",
        "0.1",
        "0",
    ],
)
def test_decimals_are_exact(database: str, amount: str) -> None:
    store(database, FILLS, [fill(0, qty=amount, fee=amount)])
    with decimal.localcontext(prec=60):
        assert select(database, "SELECT qty, fee FROM fills") == [(Decimal(amount),) * 2]


@pytest.mark.parametrize(
    "amount", ["0.0000000000000000001", "NaN", "1e3", "123456789012345678901", "Infinity", "1."]
)
def test_an_amount_that_would_be_rounded_is_rejected_not_rounded(
    database: str, amount: str
) -> None:
    store(database, FILLS, [fill(0), fill(1, fee=amount), fill(2)])
    assert select(database, "SELECT log_offset FROM fills ORDER BY 1") == [(0,), (2,)]
    rejects = select(database, "SELECT log_offset, reason FROM sink_rejects")
    assert rejects == [(1, "SINK_REFUSED")]


def test_an_absent_price_is_null(database: str) -> None:
    store(database, EVENTS, [order_event(0), order_event(1, price="12.5")])
    assert select(database, "SELECT price FROM order_events ORDER BY log_offset") == [
        (None,),
        (Decimal("12.5"),),
    ]


def test_a_nul_character_does_not_stop_the_sink(database: str) -> None:
    store(database, EVENTS, [order_event(0, reason="a\0b", client_order_id="\0")])
    rows = select(database, "SELECT reason, client_order_id FROM order_events")
    assert rows == [("a␀b", "␀")]


def test_rows_that_sql_refuses_are_isolated_with_their_bytes(database: str) -> None:
    messages: list[object] = [trade(number) for number in range(100)]
    messages[13] = (
        b'{"symbol":"S.V","price":9223372036854775808,"size":1,"time":1,"received":1,'
        b'"trade_id":1,"source":"test"}'
    )
    messages[77] = b"not json"
    written = store(database, TRADES, messages)
    assert written == Written({"trades": 98}, conflicts=0)
    assert next_of(database, TRADES) == 100
    rejects = select(database, "SELECT log_offset, reason, value FROM sink_rejects ORDER BY 1")
    assert rejects == [(13, "SINK_REFUSED", messages[13]), (77, "NOT_JSON", b"not json")]


def test_rows_that_only_sql_refuses_are_found_by_halving(database: str) -> None:
    store(database, TRADES, [trade(0)])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE trades ADD CHECK (trade_id NOT IN (7, 8, 55))")
    written = store(database, TRADES, [trade(number) for number in range(1, 100)], first=1)
    assert written == Written({"trades": 96}, conflicts=0)
    rejects = select(database, "SELECT log_offset, reason FROM sink_rejects ORDER BY 1")
    assert rejects == [(7, "SINK_REFUSED"), (8, "SINK_REFUSED"), (55, "SINK_REFUSED")]


@pytest.mark.parametrize("time_ms", [-1, 10**15, 2**63 - 1])
def test_a_record_of_an_impossible_time_is_set_aside(database: str, time_ms: int) -> None:
    async def work(history: History) -> Written:
        await history.claim([(TRADES.name, 0)])
        batch = Batch(generation=0)
        records = [record(0, trade(0)), replace(record(1, trade(1)), timestamp=time_ms)]
        batch.add((TRADES.name, 0), Span(0, 2), records)
        batch.seal()
        return await history.commit(batch)

    assert with_history(database, work) == Written({"trades": 1}, conflicts=0)
    assert select(database, "SELECT log_offset, ts FROM sink_rejects") == [(1, None)]


def test_a_record_without_a_value_is_kept_as_a_reject(database: str) -> None:
    async def work(history: History) -> None:
        await history.claim([(TRADES.name, 0)])
        batch = Batch(generation=0)
        nothing = replace(record(0, trade(0)), value=None)
        batch.add((TRADES.name, 0), Span(0, 2), [nothing, record(1, trade(1))])
        await history.commit(batch)

    with_history(database, work)
    assert select(database, "SELECT log_offset, reason, value FROM sink_rejects") == [
        (0, "NULL_VALUE", None)
    ]


def test_a_claim_fences_the_former_owner(database: str) -> None:
    async def work(old: History) -> None:
        await old.claim([(TRADES.name, 0)])
        await old.commit(batch_of(TRADES, [trade(0)]))
        new = History(database)
        await new.connect()
        try:
            claims = await new.claim([(TRADES.name, 0)])
            assert claims == {(TRADES.name, 0): Claim(next=1, epoch=2)}
            with pytest.raises(Fenced):
                await old.commit(batch_of(TRADES, [trade(1)], first=1))
            await new.commit(batch_of(TRADES, [trade(1)], first=1))
        finally:
            await new.close()

    with_history(database, work)
    assert select(database, "SELECT log_offset FROM trades ORDER BY 1") == [(0,), (1,)]


def test_a_batch_that_does_not_join_on_is_refused_whole(database: str) -> None:
    async def work(history: History) -> None:
        await history.claim([(TRADES.name, 0)])
        with pytest.raises(Fenced):
            await history.commit(batch_of(TRADES, [trade(5)], first=5))

    with_history(database, work)
    assert select(database, "SELECT count(*) FROM trades") == [(0,)]


def test_a_batch_whose_commit_reply_was_lost_is_not_stored_twice(database: str) -> None:
    async def work(history: History) -> Written:
        place = (FILLS.name, 0)
        claims = await history.claim([place])
        batch = batch_of(FILLS, [fill(0), fill(1)])
        await history.commit(batch)
        history._claims = claims  # as it was when the reply got lost
        return await history.commit(batch)

    assert with_history(database, work).conflicts == 0
    assert select(database, "SELECT count(*) FROM fills") == [(2,)]


@pytest.mark.parametrize("topic", list(ONE_OF_EACH), ids=lambda topic: topic.name)
def test_rows_that_are_there_already_are_compared_and_counted(database: str, topic: Topic) -> None:
    first, second = ONE_OF_EACH[topic]
    name = BY_TOPIC[topic.name].name
    assert store(database, topic, [first]) == Written({name: 1}, 0)
    read_again(database)
    assert store(database, topic, [first, second]) == Written({name: 1}, 1)


def test_a_row_that_says_something_else_under_the_same_key_is_an_alarm(database: str) -> None:
    store(database, FILLS, [fill(0), fill(1), fill(2)])
    read_again(database)
    with pytest.raises(Differs, match=r"fills .* \[\(0, 1\)\]"):
        store(database, FILLS, [fill(0), fill(1, qty="0.6"), fill(2), fill(3)])
    assert select(database, "SELECT count(*) FROM fills") == [(3,)]


def test_a_row_that_the_database_drops_in_silence_is_an_alarm(database: str) -> None:
    store(database, FILLS, [fill(0)])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        connection.execute(
            "CREATE TRIGGER silent BEFORE INSERT ON fills FOR EACH ROW EXECUTE FUNCTION drop_it()"
        )
    with pytest.raises(Differs):
        store(database, FILLS, [fill(1)], first=1)
    assert next_of(database, FILLS) == 1


def test_an_error_in_the_middle_stores_nothing(database: str) -> None:
    store(database, TRADES, [trade(0)])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE fills RENAME TO gone")

    async def work(history: History) -> None:
        await history.claim([(TRADES.name, 0), (FILLS.name, 0)])
        batch = batch_of(TRADES, [trade(1)], first=1)
        batch.add((FILLS.name, 0), Span(0, 1), [record(0, fill(0))])
        with pytest.raises(psycopg.errors.UndefinedTable):
            await history.commit(batch)

    with_history(database, work)
    assert next_of(database, TRADES) == 1
    assert select(database, "SELECT count(*) FROM trades") == [(1,)]


def test_current_state_holds_the_last_message_of_each_key_and_no_order_that_is_over(
    database: str,
) -> None:
    store(database, POSITIONS, [position(1), position(2), position(3, symbol="ETH/USD.KRAKEN")])
    store(database, EVENTS, [order_event(1), order_event(2), order_event(1, "FILLED", rev=2)])
    store(database, MARKS, [mark(1), mark(2)])
    store(database, ALIAS, [alias(1), alias(2)])
    query = "SELECT kind, key, log_offset FROM current_state ORDER BY 1, 2"
    assert select(database, query) == [
        ("account", "paper", 2),
        ("alias", "up1s.micro.all", 1),
        ("mark", "BTC/USD.KRAKEN", 1),
        ("order", "o2", 1),
        ("position", "paper|BTC/USD.KRAKEN", 1),
        ("position", "paper|ETH/USD.KRAKEN", 2),
    ]
    store(database, EVENTS, [order_event(2, "CANCELLED", rev=2)], first=3)
    assert select(database, "SELECT count(*) FROM current_state WHERE kind = 'order'") == [(0,)]
