"""A person closes a symbol's breakers: the next mark says so, and what is still wrong opens them again."""

from agents import resetting
from agents.handler import Event
from agents.market_state import SymbolState, market_table
from models.micro import Micro
from streams import control
from streams.instruments import Instrument
from streams.state import Table
from tables import breakers
from tables.prices import Price

SYMBOL = "BTC/USD.KRAKEN"
CROSSED = 1_000_000_000


class Tables:
    def __init__(self) -> None:
        self.market: Table[SymbolState] = market_table()
        self.instruments = Table("instruments", Instrument)


def event(record: control.Read) -> Event[control.Read | None]:
    made: Event[control.Read | None] = Event()
    made.message = record
    return made


def test_a_reset_closes_every_breaker_of_its_symbol_alone() -> None:
    tables = Tables()
    for symbol in (SYMBOL, "ETH/USD.KRAKEN"):
        state = SymbolState(Price(due=9), Micro(), quiet_until=5, narrow=7)
        breakers.on_mark(state.breakers, "crossed", 0, CROSSED)
        assert state.breakers.open == "book"
        tables.market.put(symbol, state)
    record = control.Reset(symbol=SYMBOL, reason="looked at")
    assert list(resetting.on_control(event(record), tables)) == []
    reset = tables.market[SYMBOL]
    assert reset.breakers.open == ""
    assert (reset.price.due, reset.quiet_until, reset.narrow) == (0, 0, 0), "the next tick tells"
    assert tables.market["ETH/USD.KRAKEN"].breakers.open == "book"
    breakers.on_mark(reset.breakers, "crossed", 0, CROSSED + 1)
    assert reset.breakers.open == "book"


def test_a_reset_of_an_unknown_symbol_and_other_records_change_nothing() -> None:
    tables = Tables()
    resetting.on_control(event(control.Reset(symbol=SYMBOL, reason="r")), tables)
    resetting.on_control(event(control.Fees.model_validate(FEES)), tables)
    assert list(tables.market.items()) == []


FEES = {"kind": "fees", "name": "f", "tiers": [{"from": "0", "maker": 0, "taker": 0}]}


def test_a_record_that_cannot_be_read_closes_its_symbol_and_no_more() -> None:
    assert control.scope(f"reset:{SYMBOL}") == f"symbol:{SYMBOL}"
    read = control.read(control.encode(control.Reset(symbol=SYMBOL, reason="r")))
    assert isinstance(read, control.Reset) and control.key(read) == f"reset:{SYMBOL}"
