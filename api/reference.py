"""Reference data on `control`: what stands there, the instruments of a feed, a paper account with its first cash."""

from collections.abc import Iterable

from api import producing
from api.ending import Ended
from streams import control, log
from streams.codec import Undecodable
from streams.exits import Exit
from streams.instruments import Instrument
from streams.topics import CONTROL

FIRST_CASH = "1000000"
BASE_CURRENCY = "USD"
"""Of the account `paper`; those in other currencies carry theirs in their names."""


async def latest(brokers: str) -> dict[str, bytes]:
    """The newest value under each key of `control`; a tombstone takes its key away."""
    values: dict[str, bytes] = {}
    for record in await log.read_all(brokers, CONTROL.name):
        key = (record.key or b"").decode(errors="replace")
        values.pop(key, None)
        if record.value is not None:
            values[key] = record.value
    return values


async def last_number(brokers: str, key: str) -> int:
    """The `seq` of the newest record under a key; 0 before the first. Raises Ended where that cannot be read."""
    value = (await latest(brokers)).get(key)
    try:
        record = None if value is None else control.decode(value)
    except Undecodable as error:
        raise Ended(
            Exit.REFUSED, f"the record under {key} is unreadable ({error}); it must be mended first"
        ) from error
    return record.seq if isinstance(record, control.Kill | control.Resume) else 0


async def publish(
    brokers: str, records: Iterable[control.Record], at_ms: int | None = None
) -> list[str]:
    """Append the records whose keys `control` does not hold yet; returns these keys.

    What an operator has written since, a halted instrument or other limits, stays in force. at_ms: their event time,
    where a run is to repeat to equal bytes.
    """
    known = await latest(brokers)
    missing = [record for record in records if control.key(record) not in known]
    if missing:
        async with producing.producer(brokers) as to:
            for record in missing:
                await producing.send_control(to, record, at_ms)
    return [control.key(record) for record in missing]


def instruments(of: Iterable[Instrument]) -> list[control.Record]:
    """The records of these instruments."""
    return [control.InstrumentRecord(instrument=instrument) for instrument in of]


def account_of(account: str, currency: str) -> str:
    """The name of the paper account in this currency: an account trades what is quoted in its own."""
    return account if currency == BASE_CURRENCY else f"{account}-{currency.lower()}"


def paper_account(account: str, currency: str) -> list[control.Record]:
    """A simulated account with limits and one deposit, whose id makes it happen once."""
    name = account_of(account, currency)
    return [
        control.Account(account=name, base_currency=currency, mode="sim"),
        control.Limits(account=name),
        control.Cash(account=name, id="initial", currency=currency, amount=FIRST_CASH),
    ]
