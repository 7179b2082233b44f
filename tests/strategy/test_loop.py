"""A strategy in the whole engine over dicts: its order is filled, and it hears of its own fill and of its timer."""

import msgspec

from agents.routes import routes
from api.demo import script
from api.demo.scenario import Scenario
from api.verify.history import History
from streams import codec, control
from streams.topics import BY_NAME, CONTROL, PREDICTIONS
from tests.faults.dict_system import DictSystem
from tests.strategy.seat import prediction

PARTITIONS = 2
MS = script.MS
MARKET = Scenario(
    number="S",
    title="a market in which a strategy trades",
    market=(
        "0 quote 50000.0 50000.1",
        "100 quote 50000.0 50000.1",
        "60200 quote 50010.0 50010.1",
        "60300 quote 50010.0 50010.1",
    ),
    fills=(),
    events=(),
    net="0",
)  # fmt: skip


def run(most: int) -> History:
    """Predictions between the quotes; the strategy rests a bid of 10 lots above the ask, so that it fills at once."""
    groups = routes(
        PARTITIONS, 1, "tests.strategy.own:Counter", MARKET.account, {"qty": "10", "below": "-500"}
    )
    system = DictSystem(groups, PARTITIONS, most)
    records = script.reference(MARKET)
    system.put((CONTROL.name, control.key(r), control.encode(r), script.START_MS) for r in records)
    predictions = {0: 0.6, 2: None, 3: None}
    for step, group in enumerate(script.groups([MARKET])):
        system.put((put.topic.name, put.key, put.value, put.at_ms) for put in group)
        system.run()
        if step in predictions:
            at_ms = group[0].at_ms
            made = prediction(
                0, predictions[step], symbol=MARKET.instrument.symbol, time=at_ms * MS,
                bid=500_000, ask=500_001, mid2=1_000_001,
            )  # fmt: skip
            system.put([(PREDICTIONS.name, made.symbol, codec.encode(made), at_ms)])
            system.run()
    return system.history()


def test_an_own_strategy_enters_hears_of_its_fill_and_leaves_by_its_timer() -> None:
    history = run(50)
    fills = [BY_NAME["fills"].decode(record.value or b"") for record in history.of("fills")]
    assert [(f.side, f.qty, f.strategy) for f in fills] == [
        ("buy", "0.01", "Counter"),
        ("sell", "0.01", "Counter"),
    ]
    told = [record.value for record in history.of("strategy.fills")]
    assert told == [record.value for record in history.of("fills")]
    memories = [
        r for r in history.of("strategist-state") if (r.key or b"").startswith(b"memories|")
    ]
    last = msgspec.json.decode((memories[-1].value or b"")[1:])["memory"]
    assert (last["lots"], last["wake_at"]) == (0, 0)
    assert history.of("dead.letters") == []


def test_the_same_orders_come_of_other_chunk_sizes() -> None:
    assert [r.value for r in run(1).of("orders")] == [r.value for r in run(50).of("orders")]
