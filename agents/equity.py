"""What an account is worth, on the record: with each fill and movement of cash, and once a minute of event time."""

from collections.abc import Iterable

import msgspec

from agents.handler import Output
from streams import money, topics
from streams.messages import Position
from tables import exposure
from tables.account import Balance
from tables.account_tables import AccountTables
from tables.orders import pair

MINUTE_NS = 60 * 10**9


def records(accounts: Iterable[str], tables: AccountTables, clock_ns: int) -> list[Output]:
    """One record of each account whose minute is new; none while its worth is unknown."""
    outputs, minute = [], clock_ns // MINUTE_NS
    for account in accounts:
        watch, profile = tables.guards.watches.get(account), tables.profiles.get(account)
        if watch is None or profile is None or watch.minute >= minute:
            continue
        key = pair(account, profile.base_currency)
        told = record(
            account, profile.base_currency, tables.balances.get(key) or Balance(), tables, clock_ns
        )
        if told.message.equity:
            tables.guards.watches.put(account, msgspec.structs.replace(watch, minute=minute))
            outputs.append(told)
    return outputs


def record(
    account: str, currency: str, balance: Balance, tables: AccountTables, clock_ns: int
) -> Output:
    """One currency of an account, with what the whole account is worth."""
    worth, exposed = texts(account, tables, clock_ns)
    told = Position(
        account=account,
        symbol="",
        qty="0",
        average_price="0",
        cost="0",
        gross=money.text(balance.gross),
        fees=money.text(balance.fees),
        net=money.text(balance.gross - balance.fees),
        cash=money.text(balance.cash),
        reserved=money.text(balance.reserved),
        time=clock_ns,
        currency=currency,
        equity=worth,
        exposure=exposed,
        open_orders=len(tables.open_orders.of(account)),
    )
    return Output(topics.POSITIONS, account, told)


def texts(account: str, tables: AccountTables, clock_ns: int) -> tuple[str, str]:
    """Equity and exposure in the base currency; "" where they are unknown."""
    profile = tables.profiles.get(account)
    if profile is None:
        return "", ""
    found = exposure.worth(tables, account, profile.base_currency, clock_ns)
    return (money.text(found.nav), money.text(found.held)) if found.is_known else ("", "")
