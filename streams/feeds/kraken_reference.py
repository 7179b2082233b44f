"""Tick and lot of Kraken's pairs: shipped ones at once, others from the venue's own instrument channel."""

import asyncio
import json

from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from streams.feeds import kraken_frames, reference
from streams.feeds.kraken import OPEN_TIMEOUT_S, URL
from streams.instruments import Instrument

SNAPSHOT_BYTES_MAX = 8 << 20
VENUE = "KRAKEN"


class UnknownPrecision(ValueError):
    """The tick and lot of a pair are not known, so its prices cannot be counted exactly."""


async def instruments_for(
    pairs: list[str], *, url: str = URL, timeout_s: float = OPEN_TIMEOUT_S
) -> tuple[Instrument, ...]:
    """The instruments of these pairs, in this order. Raises UnknownPrecision."""
    shipped = {pair: reference.SHIPPED.get(f"{pair}.{VENUE}") for pair in pairs}
    missing = [pair for pair, instrument in shipped.items() if instrument is None]
    asked = await _ask(missing, url, timeout_s) if missing else {}
    return tuple(shipped[pair] or asked[pair] for pair in pairs)


async def _ask(pairs: list[str], url: str, timeout_s: float) -> dict[str, Instrument]:
    request = {"method": "subscribe", "params": {"channel": "instrument", "snapshot": True}}
    try:
        async with asyncio.timeout(timeout_s), connect(url, max_size=SNAPSHOT_BYTES_MAX) as socket:
            await socket.send(json.dumps(request))
            async for frame in socket:
                message = kraken_frames.parse(frame, bytes_max=SNAPSHOT_BYTES_MAX)
                if message.get("channel") == "instrument":
                    return {pair: _instrument(pair, message) for pair in pairs}
    except (OSError, WebSocketException, kraken_frames.Malformed) as error:
        raise UnknownPrecision(
            f"tick and lot of {', '.join(pairs)} are not shipped and the venue did not tell: {error!r}"
        ) from error
    raise UnknownPrecision(f"the venue closed before it told tick and lot of {', '.join(pairs)}")


def _instrument(pair: str, message: dict[str, object]) -> Instrument:
    data = message.get("data")
    listed = data.get("pairs") if isinstance(data, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("symbol") == pair:
            return _of_entry(pair, entry)
    raise UnknownPrecision(f"the venue lists no pair {pair}")


def _of_entry(pair: str, entry: dict[str, object]) -> Instrument:
    try:
        tick = kraken_frames.plain(str(entry["price_increment"]))
        lot = kraken_frames.plain(str(entry["qty_increment"]))
        return reference.spot(pair, VENUE, tick, lot)
    except (KeyError, ValueError, ValidationError) as error:
        raise UnknownPrecision(f"tick and lot of {pair} cannot be used: {error}") from error
