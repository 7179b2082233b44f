"""Writes the pages that the fake venue tells, as they go over the wire: `python -m tests.backfill.recorded`."""

from pathlib import Path

from api.demo.past import Past
from api.demo.venue import Venue
from tests.backfill.scene import DAY, SINCE

FOLDER = Path(__file__).parent / "pages"
HOUR = DAY // 24


def pages() -> dict[str, bytes]:
    """Each page under its file's name: three hours of one past."""
    venue = Venue(Past(7, SINCE, SINCE + 3 * HOUR), page_trades=40)
    return {
        "kraken_trades_1.json": venue.trades(SINCE - 1),
        "kraken_trades_2.json": venue.trades(venue.past.trades[39].time),
        "kraken_bars_1h.json": venue.bars(HOUR),
        "coingecko_points.json": venue.chart(SINCE // 10**9, (SINCE + DAY) // 10**9),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, page in pages().items():
        (FOLDER / name).write_bytes(page)
