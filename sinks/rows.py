"""The history tables, one a topic, columns in the order of the migrations."""

from sinks.table import Table, table
from streams import control, topics
from streams.messages import ToBroker
from streams.predictions import Alias


def _control_row(record: control.Record) -> tuple[str, str, bytes]:
    """Its key holds kind and scope; its value here is written anew, so that fields left out show their defaults."""
    kind, _, scope = control.key(record).partition(":")
    return kind, scope, control.encode(record)


def _accepted_row(accepted: ToBroker) -> tuple[object, ...]:
    """One of its fields is set; a record without any, which no engine writes, is a row without a kind."""
    step = accepted.order or accepted.cancel or accepted.replace
    if step is None:
        return ("", "", "", "", 0, "", 0, 0, accepted)
    kind = next(kind for kind in accepted.__struct_fields__ if getattr(accepted, kind) is step)
    return (kind, step.order_id, step.account, step.symbol, step.time, *step.command_ref, step)


def _alias_row(alias: Alias) -> tuple[object, ...]:
    """Whom it names, and the whole of it."""
    named = (alias.model, alias.epoch, alias.action, alias.champion, alias.challenger)
    return (*named, alias.effective_from, alias)


CAUSE = """
    cause_topic text cause.topic
    cause_partition int cause.partition
    cause_offset bigint cause.offset"""

TABLES: tuple[Table, ...] = (
    table(
        "trades",
        topics.TRADES,
        """
        symbol text
        price bigint
        size bigint
        side text
        trade_id bigint
        source text
        event_ns bigint time
        received_ns bigint received
        flags text""",
    ),
    table(
        "quotes",
        topics.QUOTES,
        """
        symbol text
        bid bigint
        ask bigint
        bid_size bigint
        ask_size bigint
        sequence bigint
        flags text
        source text
        event_ns bigint time
        received_ns bigint received""",
    ),
    table(
        "marks",
        topics.MARKS,
        """
        symbol text
        bid bigint
        ask bigint
        bid_size bigint
        ask_size bigint
        last bigint
        mid2 bigint
        status text
        source text
        event_ns bigint time
        received_ns bigint received"""
        + CAUSE,
    ),
    table(
        "orders",
        topics.ORDERS,
        """
        account text
        client_order_id text
        reason text
        value bytea raw""",
    ),
    table(
        "decisions",
        topics.DECISIONS,
        """
        decision_id text
        kind text
        outcome text
        reason text
        account text
        client_order_id text
        order_id text
        symbol text
        detail text
        reserved numeric
        command_topic text command_ref.topic
        command_partition int command_ref.partition
        command_offset bigint command_ref.offset
        marks json
        control_offset bigint
        event_ns bigint time
        limits_version bigint
        nav numeric
        exposure_before numeric
        exposure_after numeric
        reserved_before numeric
        reserved_after numeric
        resolved_qty numeric
        mode text
        mode_epoch bigint
        watchdog text""",
    ),
    table(
        "accepted",
        topics.ACCEPTED,
        """
        kind text
        order_id text
        account text
        symbol text
        event_ns bigint
        command_topic text
        command_partition int
        command_offset bigint
        document json""",
        _accepted_row,
    ),
    table(
        "order_events",
        topics.EVENTS,
        """
        event_id text
        order_id text
        client_order_id text
        account text
        symbol text
        rev bigint
        type text
        state text
        side text
        qty numeric
        filled numeric
        remaining numeric
        price numeric
        stop_price numeric
        parent_id text
        reason text
        event_ns bigint time"""
        + CAUSE,
    ),
    table(
        "fills",
        topics.FILLS,
        """
        fill_id text
        order_id text
        client_order_id text
        account text
        symbol text
        side text
        qty numeric
        price numeric
        notional numeric
        fee numeric
        fee_rate bigint
        liquidity text
        rule text
        bid bigint
        ask bigint
        parent_id text
        strategy text
        order_topic text order_ref.topic
        order_partition int order_ref.partition
        order_offset bigint order_ref.offset
        event_ns bigint time
        active_at_ns bigint active_at"""
        + CAUSE,
    ),
    table(
        "strategy_fills",
        topics.STRATEGY_FILLS,
        """
        fill_id text
        order_id text
        account text
        symbol text
        strategy text
        side text
        qty numeric
        price numeric
        event_ns bigint time"""
        + CAUSE,
    ),
    table(
        "positions",
        topics.POSITIONS,
        """
        account text
        symbol text
        qty numeric
        average_price numeric
        cost numeric
        gross numeric
        fees numeric
        net numeric
        realised numeric
        cash numeric
        reserved numeric
        fill_id text
        event_ns bigint time
        currency text
        equity numeric
        exposure numeric
        open_orders bigint""",
    ),
    table(
        "features",
        topics.FEATURES,
        """
        symbol text
        sequence bigint
        feature_set text set
        set_hash text
        ready bigint
        bid bigint
        ask bigint
        mid2 bigint
        gap_ms bigint
        v float8s vector
        quote_topic text quote_ref.topic
        quote_partition int quote_ref.partition
        quote_offset bigint quote_ref.offset
        event_ns bigint time""",
    ),
    table(
        "predictions",
        topics.PREDICTIONS,
        """
        prediction_id text
        symbol text
        model text
        version text served.version
        p float8 served.p
        abstain text served.abstain
        learned bigint served.learned
        outputs json
        bid bigint
        ask bigint
        mid2 bigint
        volatility_bps float8
        features_topic text features_ref.topic
        features_partition int features_ref.partition
        features_offset bigint features_ref.offset
        event_ns bigint time
        lane text
        spec text
        edge_bps float8
        cost_bps float8
        flags json
        weights json
        scores json""",
    ),
    table(
        "examples",
        topics.EXAMPLES,
        """
        prediction_id text
        symbol text
        model text
        lane text
        spec text
        set_hash text
        state text
        event_ns bigint time
        known_at_ns bigint known_at
        elapsed_ns bigint
        mid2 bigint
        ready bigint
        v float8s vector
        features_topic text features_ref.topic
        features_partition int features_ref.partition
        features_offset bigint features_ref.offset
        known_topic text known_ref.topic
        known_partition int known_ref.partition
        known_offset bigint known_ref.offset
        y bigint
        r_bps float8
        version text
        p float8
        outputs json
        cost_bps float8""",
    ),
    table(
        "labels",
        topics.LABELS,
        """
        prediction_id text
        symbol text
        model text
        spec text
        state text
        y bigint
        r_bps float8
        p float8
        event_ns bigint time
        known_at_ns bigint known_at""",
    ),
    table(
        "aliases",
        topics.ALIAS,
        """
        model text
        epoch bigint
        action text
        champion text
        challenger text
        effective_ns bigint
        document json""",
        _alias_row,
    ),
    table(
        "control",
        topics.CONTROL,
        """
        kind text
        scope text
        document json""",
        _control_row,
    ),
    table(
        "dead_letters",
        topics.DEAD_LETTERS,
        """
        origin_topic text origin.topic
        origin_partition int origin.partition
        origin_offset bigint origin.offset
        origin_ms bigint timestamp_ms
        reason text
        error text
        sha256 text
        length bigint
        key bytea
        value bytea
        route_group text group
        headers json""",
    ),
)

BY_TOPIC: dict[str, Table] = {table.topic.name: table for table in TABLES}
