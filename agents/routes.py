"""The whole system on one screen: four groups, what they read, who handles it, what they write.

A group's cell of partition p owns its tables and handles all its inputs of that partition, one record after the other.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from agents import broker, market, market_state, reference, resetting
from agents.cells import NO_SCORERS, HeavyTables, LearnerTables, StrategistTables, SymbolTables
from agents.group import Group, Input
from agents.learner import Learner
from agents.learner_tables import HEAVY, INLINE, NO_WATCH, Watch
from agents.ledger import Ledger
from agents.risk import FUTURE_NS, Risk
from agents.strategies.load import NONE, load
from agents.strategist import Strategist
from models.serving import Scorers
from streams import topics
from streams.modes import LOCAL, Simulation
from streams.partition import partition_of
from streams.topics import Topic
from tables import proof
from tables.account_tables import AccountTables

COMMANDS_AHEAD_MS = FUTURE_NS // 1_000_000
HEAVY_GROUP = "learner-heavy"
NO_PARAMS: Mapping[str, str] = MappingProxyType({})


def routes(
    partitions: int,
    generation: int = 1,
    strategy: str = NONE,
    account: str = "paper",
    params: Mapping[str, str] = NO_PARAMS,
    simulation: Simulation = LOCAL,
    takes_two: bool = False,
    scorers: Scorers = NO_SCORERS,
    watch: Watch = NO_WATCH,
) -> tuple[Group, ...]:
    """The groups of a system with so many partitions. strategy, params: see `load`; raises StrategyRefused.

    scorers: where batch versions come from. watch: who measures the learner.
    """
    home = partial(partition_of, count=partitions)
    risk, ledger = Risk(home, generation, simulation, takes_two), Ledger(home)
    instruments = Input(topics.CONTROL, (reference.on_control,), clock_ms=0, reports=False)

    traded = (topics.EVENTS, topics.FILLS, topics.STRATEGY_FILLS)
    ticks = (topics.MARKS, topics.FEATURES, *traded)
    symbol = Group(
        name="symbol",
        inputs=(
            replace(
                instruments,
                handlers=(reference.on_control, broker.on_control, resetting.on_control),
            ),
            Input(topics.QUOTES, (market.on_quote, broker.on_quote), ticks),
            Input(topics.TRADES, (market.on_trade, broker.on_trade), ticks),
            Input(topics.BARS, (broker.on_bar,), traded),
            Input(topics.ACCEPTED, (broker.on_accepted,), (topics.EVENTS,)),
        ),
        tables=SymbolTables,
        changelog=topics.SYMBOL_STATE,
        counts=market_state.skipped,
    )
    learning = Group(
        name="learner",
        inputs=_learns(Learner(INLINE, "learner"), (topics.LABELS,)),
        tables=partial(LearnerTables, scorers=scorers, watch=watch),
        changelog=topics.LEARNER_STATE,
        loads="models.online.pipelines",
        slice_records=50,  # of half a millisecond each
    )
    # orders: a command whose producer has another partitioner is forwarded to its account's partition
    decided = (topics.DECISIONS, topics.ACCEPTED, topics.ORDERS)
    ruled = (topics.DECISIONS, topics.ACCEPTED, topics.POSITIONS)
    accounts = Group(
        name="account",
        inputs=(
            Input(topics.CONTROL, (risk.on_control, ledger.on_control), ruled, clock_ms=0),
            Input(topics.MARKS, (risk.on_mark, ledger.on_mark), ruled, waits=True),
            Input(topics.EVENTS, (risk.on_order_event,)),
            Input(topics.FILLS, (ledger.on_fill,), (topics.POSITIONS,)),
            Input(topics.ORDERS, (risk.on_order,), decided, clock_ms=COMMANDS_AHEAD_MS),
        ),
        tables=AccountTables,
        changelog=topics.ACCOUNT_STATE,
        prove=proof.prove,
    )
    loaded = load(strategy, params)
    if loaded is None:
        return symbol, learning, accounts
    strategist = Strategist(loaded.name, loaded.strategy, account, generation)
    sent = (topics.ORDERS,)
    predicted = Input(topics.PREDICTIONS, (strategist.on_prediction,), sent, on_error="dead_letter")
    filled = Input(topics.STRATEGY_FILLS, (strategist.on_fill,), sent, on_error="dead_letter")
    trading = Group(
        name="strategist",
        inputs=(instruments, filled, predicted),
        tables=StrategistTables,
        changelog=topics.STRATEGIST_STATE,
    )
    return symbol, learning, trading, accounts


def heavy(watch: Watch = NO_WATCH) -> Group:
    """The learner's versions that are too slow to stand beside the market: a worker of its own, of its own app."""
    return Group(
        name=HEAVY_GROUP,
        inputs=_learns(Learner(HEAVY, HEAVY_GROUP), ()),
        tables=partial(HeavyTables, watch=watch),
        changelog=topics.HEAVY_STATE,
        loads="models.online.trees",
        slice_records=10,
    )


def _learns(learner: Learner, labels: tuple[Topic, ...]) -> tuple[Input, ...]:
    learned = (topics.PREDICTIONS, *labels, topics.EXAMPLES)
    return (
        Input(topics.REGISTRY, (learner.on_version,), clock_ms=0),
        Input(topics.ALIAS, (learner.on_alias,), clock_ms=0),
        Input(topics.FEATURES, (learner.on_features,), learned, on_error="dead_letter"),
    )
