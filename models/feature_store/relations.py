"""The SQL views that Feast reads history from: one column a feature, generated from the feature sets."""

from typing import NamedTuple

from models.feature_store.sets import SETS, FeatureSet

SCHEMA = "feast"
"""Of these views, of Feast's registry and of the tables that it makes for a join."""

MAKE_SCHEMA = f"""
DO $$ BEGIN
    IF to_regnamespace('{SCHEMA}') IS NULL THEN CREATE SCHEMA {SCHEMA}; END IF;
END $$"""
"""A role that may make none may not even ask for one that is there."""

EVENT_TIME = "event_timestamp"
LOGGED = "logged"
"""Orders rows of one event time as the log does: the record's time, then microseconds by offset."""

READY = "ready_mask"


class Account(NamedTuple):
    """What is stored of an account. names: columns of `positions` that say what the whole account is worth."""

    name: str
    names: tuple[str, ...]
    ttl_s: int

    @property
    def push_source(self) -> str:
        """Where the sink pushes its rows."""
        return f"{self.name}_push"


ACCOUNT_VIEW = Account("account_state_v1", ("equity", "exposure", "open_orders"), ttl_s=3600)


def relation(view: str) -> str:
    """The SQL view of a feature view."""
    return f"{SCHEMA}.{view}"


def statements() -> list[str]:
    """Makes every SQL view anew: what it was may have had other columns."""
    made = [_of_set(stored) for stored in SETS] + [_of_accounts(ACCOUNT_VIEW)]
    names = [*(stored.view for stored in SETS), ACCOUNT_VIEW.name]
    dropped = [f"DROP VIEW IF EXISTS {relation(name)}" for name in names]
    return [MAKE_SCHEMA, *dropped, *made]


def _of_set(stored: FeatureSet) -> str:
    columns = ", ".join(f'v[{at}] AS "{name}"' for at, name in enumerate(stored.names, start=1))
    return (
        f"CREATE VIEW {relation(stored.view)} AS SELECT symbol, {_times()}, {columns}, "
        f"ready AS {READY} FROM features WHERE set_hash = '{stored.hash}'"
    )


def _of_accounts(account: Account) -> str:
    columns = ", ".join(f"{name}::double precision AS {name}" for name in account.names)
    return (
        f"CREATE VIEW {relation(account.name)} AS SELECT account, {_times()}, {columns} "
        "FROM positions WHERE equity IS NOT NULL AND exposure IS NOT NULL"
    )


def _times() -> str:
    return (
        f"event_time(event_ns) AS {EVENT_TIME}, "
        f"ts + log_offset * interval '1 microsecond' AS {LOGGED}"
    )
