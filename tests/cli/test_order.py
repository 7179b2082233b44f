import asyncio
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from typer.testing import CliRunner, Result

from api.cli import app
from streams import codec, log, topics
from streams.ids import Ref
from streams.instants import time_text
from streams.messages import DeadLetter, Decision, Fill, OrderEvent

GOOD = ("--account", "paper", "--symbol", "BTC/USD.SIM", "--side", "buy", "--quantity", "0.1")


@pytest.fixture
def brokers(catalogue: tuple[str, int]) -> str:
    return catalogue[0]


def _order(brokers: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["order", *arguments, "--brokers", brokers])


def _last(brokers: str) -> log.Record:
    return max(asyncio.run(log.read_all(brokers, "orders")), key=lambda record: record.timestamp_ms)


def test_what_was_typed_is_what_is_sent(brokers: str) -> None:
    result = _order(
        brokers,
        *("--account", "paper", "--symbol", "NO SUCH", "--side", "buy", "--quantity", "1e999"),
        *("--limit", "NaN", "--stop-loss", "-5", "--take-profit", "ten", "--id", "typed-1"),
    )
    assert result.exit_code == 0, result.output
    record = _last(brokers)
    sent = json.loads(record.value or b"")
    assert record.key == b"paper"
    assert sent.pop("created_at").endswith("Z")
    assert sent == {
        "v": 1,
        "cmd": "new",
        "account": "paper",
        "client_order_id": "typed-1",
        "symbol": "NO SUCH",
        "side": "buy",
        "type": "limit",
        "qty": "1e999",
        "price": "NaN",
        "bracket": {"stop_loss": {"stop_price": "-5"}, "take_profit": {"price": "ten"}},
    }


def test_a_good_command_is_one_by_the_contract(brokers: str) -> None:
    assert _order(brokers, *GOOD, "--stop", "61000", "--tif", "GTC").exit_code == 0
    parsed = topics.ORDERS.decode(_last(brokers).value or b"")
    assert parsed.reason == ""
    assert parsed.command.type == "stop"


def test_a_cancel_names_its_target(brokers: str) -> None:
    assert _order(brokers, "--account", "paper", "--cancel", "typed-1").exit_code == 0
    parsed = topics.ORDERS.decode(_last(brokers).value or b"")
    assert parsed.command.target == "typed-1"


def test_text_in_place_of_a_command_goes_as_it_is(brokers: str) -> None:
    assert _order(brokers, "--account", "paper", "--raw", "{nonsense").exit_code == 0
    assert _last(brokers).value == b"{nonsense"


def test_a_missing_account_is_a_wrong_use(brokers: str) -> None:
    result = _order(brokers, "--symbol", "BTC/USD.SIM", "--side", "buy", "--quantity", "1")
    assert result.exit_code == 2  # which main() turns into 64
    assert "Traceback" not in result.output


def test_no_broker_is_a_sentence() -> None:
    result = _order("127.0.0.1:1", *GOOD)
    assert result.exit_code == 74
    assert "no broker answers" in result.output


def test_no_engine_leaves_the_outcome_unknown(brokers: str) -> None:
    result = _order(brokers, *GOOD, "--id", "lonely", "--wait", "--wait-seconds", "1")
    assert result.exit_code == 75
    again = result.output.partition("send again with the same id: ")[2].split()
    assert again[:2] == ["--id", "lonely"]
    first = _last(brokers).value
    assert _order(brokers, *GOOD, *again).exit_code == 0
    assert _last(brokers).value == first


def test_a_command_too_large_is_refused_here(brokers: str) -> None:
    result = _order(brokers, "--account", "paper", "--raw", "x" * 2_000_000)
    assert result.exit_code == 65
    assert "nothing was sent" in result.output


def test_times_are_rfc_3339_with_nine_digits() -> None:
    assert time_text(1_700_000_000_000_000_042) == "2023-11-14T22:13:20.000000042Z"


class Engine(threading.Thread):
    """Answers each command on `orders` as it is told, in one transaction."""

    def __init__(self, brokers: str) -> None:
        super().__init__(daemon=True)
        self._brokers = brokers
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.answer = "reject"

    def run(self) -> None:
        asyncio.run(self._answer_all())

    async def _answer_all(self) -> None:
        consumer = AIOKafkaConsumer(
            "orders",
            bootstrap_servers=self._brokers,
            auto_offset_reset="latest",
            fetch_max_wait_ms=50,
        )
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers, transactional_id="order-test-engine"
        )
        await consumer.start()
        await producer.start()
        for partition in consumer.assignment():
            await consumer.position(partition)
        self.begun.set()
        try:
            while not self.ended.is_set():
                fetched = await consumer.getmany(timeout_ms=50)
                for records in fetched.values():
                    for record in records:
                        await self._write(
                            producer, Ref(record.topic, record.partition, record.offset), record
                        )
        finally:
            await consumer.stop()
            await producer.stop()

    async def _write(self, producer: AIOKafkaProducer, command: Ref, record: object) -> None:
        async with producer.transaction():
            for topic, message in _ANSWERS[self.answer](command):
                await producer.send(topic.name, codec.encode(message), b"paper")


@pytest.fixture
def engine(brokers: str) -> Iterator[Engine]:
    engine = Engine(brokers)
    engine.start()
    assert engine.begun.wait(20)
    yield engine
    engine.ended.set()
    engine.join(20)


def _decision(command: Ref, outcome: str, reason: str = "") -> Decision:
    return Decision(
        decision_id="d", kind="new", outcome=outcome, account="paper", command_ref=command,  # type: ignore[arg-type]
        time=1, client_order_id="a", order_id="1-0-7" if outcome == "accepted" else "", reason=reason,
    )  # fmt: skip


def _event(state: str, rev: int) -> OrderEvent:
    return OrderEvent(
        event_id=f"e{rev}", order_id="1-0-7", client_order_id="a", account="paper",
        symbol="BTC/USD.SIM", rev=rev, type=state, state=state, qty="0.1", filled="0.1",  # type: ignore[arg-type]
        remaining="0", time=1, cause=Ref("market.quotes", 0, 5), side="buy",
    )  # fmt: skip


def _fill(order_ref: Ref) -> Fill:
    return Fill(
        fill_id="1-0-7:0:5:0", order_id="1-0-7", client_order_id="a", account="paper",
        symbol="BTC/USD.SIM", side="buy", qty="0.1", price="60001", notional="6000.1", fee="15.6",
        fee_rate=2600, liquidity="taker", rule="quote", cause=Ref("market.quotes", 0, 5),
        order_ref=order_ref, time=1, active_at=1, bid=60000, ask=60001,
    )  # fmt: skip


Answer = Callable[[Ref], list[tuple[topics.Topic, object]]]
_ANSWERS: dict[str, Answer] = {
    "reject": lambda command: [(topics.DECISIONS, _decision(command, "rejected", "QTY_RANGE"))],
    "fill": lambda command: [
        (topics.FILLS, _fill(command)),
        (topics.EVENTS, _event("FILLED", 2)),
        (topics.EVENTS, _event("ACCEPTED", 1)),
        (topics.DECISIONS, _decision(command, "accepted")),
    ],
    "dead": lambda command: [
        (topics.DEAD_LETTERS, DeadLetter(command, 1, "NOT_JSON", "no JSON", "00", 1)),
    ],
}  # fmt: skip


def test_a_rejection_is_named_and_exits_1(brokers: str, engine: Engine) -> None:
    engine.answer = "reject"
    result = _order(brokers, *GOOD, "--wait", "--wait-seconds", "20")
    assert result.exit_code == 1, result.output
    assert "decision  rejected QTY_RANGE" in result.output


def test_a_fill_is_shown_with_what_made_it(brokers: str, engine: Engine) -> None:
    engine.answer = "fill"
    result = _order(brokers, *GOOD, "--id", "a", "--wait", "--wait-seconds", "20")
    assert result.exit_code == 0, result.output
    decision, *lines = result.output.splitlines()[1:]
    assert decision.startswith("decision  accepted")
    fill = "fill      buy 0.1 at 60001 taker fee 15.6 by market.quotes[0]@5"
    lines.remove(fill)  # of a topic of its own: it may come before the events
    accepted, filled = lines
    assert accepted.startswith("event     ACCEPTED")
    assert filled.startswith("event     FILLED")


def test_a_dead_letter_is_a_refusal(brokers: str, engine: Engine) -> None:
    engine.answer = "dead"
    result = _order(brokers, "--account", "paper", "--raw", "{", "--wait", "--wait-seconds", "20")
    assert result.exit_code == 1, result.output
    assert "refused   NOT_JSON" in result.output
