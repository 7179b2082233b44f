"""From a command to a candidate: the rows it concerns, and its numbers read into ticks and lots."""

import copy

from streams import money
from streams.instruments import Instrument
from streams.orders import New
from tables import fees
from tables.account import Balance
from tables.account_tables import AccountTables
from tables.candidate import Candidate, Refusal
from tables.orders import LiveOrder, OpenLots, pair
from tables.position import Position

PRICE_TICKS_MAX = 10**15


def look_up(
    command: New,
    clock: int,
    tables: AccountTables,
    created_at: int = 0,
    expire_at: int = 0,
    replaces: LiveOrder | None = None,
) -> Candidate:
    """The order beside its rows, with its numbers read. replaces: the live order that it would change."""
    symbol_key = pair(command.account, command.symbol)
    instrument = tables.instruments.get(command.symbol)
    currency = "" if instrument is None else instrument.quote
    profile = tables.profiles.get(command.account)
    candidate = Candidate(
        command=command,
        clock=clock,
        side=1 if command.side == "buy" else -1,
        instrument=instrument,
        profile=profile,
        limits=tables.limits.get(command.account),
        mark=tables.marks.get(command.symbol),
        position=tables.positions.get(symbol_key) or Position(),
        open=_open(tables.open_lots.get(symbol_key), replaces),
        balance=tables.balances.get(pair(command.account, currency)) or Balance(),
        created_at=created_at,
        expire_at=expire_at,
        replaces=replaces,
    )
    if instrument is not None:
        candidate.refused = _read_numbers(candidate, instrument)
    if replaces is not None:
        candidate.rates = (replaces.maker_rate, replaces.taker_rate)
    elif profile is not None:
        candidate.rates = fees.rates(profile, clock, tables)
    candidate.is_reducing = command.reduce_only or (
        command.bracket is None and 0 < candidate.lots <= candidate.reducible
    )  # larger than that, it is an entry as a whole
    return candidate


def _open(lots: OpenLots | None, replaces: LiveOrder | None) -> OpenLots:
    if replaces is None:
        return lots or OpenLots()
    others = copy.copy(lots or OpenLots())
    others.add(replaces, -replaces.remaining)
    return others


def _read_numbers(candidate: Candidate, instrument: Instrument) -> Refusal | None:
    """Fill in ticks and lots; the first number that is none decides."""
    command = candidate.command
    if command.qty is not None:
        qty = steps("QTY", "qty", command.qty, instrument.lot_units)
        if isinstance(qty, Refusal):
            return qty
        candidate.qty = qty
    for name, text in _prices(command):
        ticks = steps("PRICE", name, text, instrument.tick_units)
        if isinstance(ticks, Refusal):
            return ticks
        if not ticks <= PRICE_TICKS_MAX:
            return Refusal("PRICE_RANGE", f"{name} {text} > {PRICE_TICKS_MAX} ticks")
        setattr(candidate, name, ticks)
    return None


def _prices(command: New) -> list[tuple[str, str]]:
    """The prices that were given, under their names in the candidate."""
    found = [("price", command.price), ("stop_price", command.stop_price)]
    bracket = command.bracket
    if bracket is not None:
        found.append(("stop_loss", bracket.stop_loss.stop_price))
        if bracket.take_profit is not None:
            found.append(("take_profit", bracket.take_profit.price))
    return [(name, text) for name, text in found if text is not None]


def steps(kind: str, name: str, text: str, step: int) -> int | Refusal:
    """A positive decimal as a whole number of steps."""
    try:
        units = money.parse(text)
    except ValueError:
        return Refusal("BAD_NUMBER", f"{name} is not a plain decimal")
    if not units > 0:
        return Refusal(f"{kind}_NOT_POSITIVE", f"{name} {text}")
    count, rest = divmod(units, step)
    if rest:
        suffix = "LOT" if kind == "QTY" else "TICK"
        return Refusal(f"{kind}_OFF_{suffix}", f"{name} {text}, step {money.text(step)}")
    return count
