"""Reference data of the symbols that Headrace ships with: tick, lot and names of each."""

from streams.instruments import Instrument


def _perpetual(base: str, tick: str, lot: str) -> Instrument:
    return Instrument(
        symbol=f"{base}USDT.BINANCE_USDM",
        base=base,
        quote="USDT",
        venue="BINANCE_USDM",
        tick=tick,
        lot=lot,
        kind="linear_perp",
    )


def spot(pair: str, venue: str, tick: str, lot: str) -> Instrument:
    """A spot instrument of a pair written `BASE/QUOTE`."""
    base, quote = pair.split("/")
    return Instrument(
        symbol=f"{pair}.{venue}", base=base, quote=quote, venue=venue, tick=tick, lot=lot
    )


BINANCE: tuple[Instrument, ...] = (
    Instrument(
        symbol="BTCUSDT.BINANCE_SPOT",
        base="BTC",
        quote="USDT",
        venue="BINANCE_SPOT",
        tick="0.01",
        lot="0.00001",
    ),
    _perpetual("BTC", tick="0.1", lot="0.001"),
    _perpetual("ETH", tick="0.01", lot="0.001"),
)

KRAKEN_LOT = "0.00000001"
KRAKEN: tuple[Instrument, ...] = (
    spot("BTC/USD", "KRAKEN", "0.1", KRAKEN_LOT),
    spot("ETH/USD", "KRAKEN", "0.01", KRAKEN_LOT),
    spot("SOL/USD", "KRAKEN", "0.01", KRAKEN_LOT),
    spot("LTC/USD", "KRAKEN", "0.01", KRAKEN_LOT),
    spot("BTC/EUR", "KRAKEN", "0.1", KRAKEN_LOT),
    spot("ETH/EUR", "KRAKEN", "0.01", KRAKEN_LOT),
    spot("BTC/USDT", "KRAKEN", "0.1", KRAKEN_LOT),
)

VPIN_BUCKET = 200
"""Lots: fifty buckets take the simulated market about a minute, so that VPIN speaks when the other windows do."""

SIMULATED: tuple[Instrument, ...] = tuple(
    spot(pair, "SIM", tick, lot).model_copy(update={"vpin_bucket": VPIN_BUCKET})
    for pair, tick, lot in (
        ("BTC/USD", "1", "0.0001"),
        ("ETH/USD", "0.1", "0.001"),
        ("SOL/USD", "0.01", "0.01"),
        ("XRP/USD", "0.00001", "1"),
        ("LTC/USD", "0.01", "0.01"),
        ("DOGE/USD", "0.00001", "10"),
    )
)
"""Ticks of a sixth to one basis point, so that a move of a few ticks is worth a trade."""

SHIPPED: dict[str, Instrument] = {
    instrument.symbol: instrument for instrument in BINANCE + KRAKEN + SIMULATED
}
