"""The history database as the source of a replay, for what the log has let go."""

from collections.abc import AsyncIterator

from agents.backtest import Source
from api.history_log import history_log
from api.replay import ranged
from api.replay.manifest import Manifest
from api.replay.ranged import Change


async def records(manifest: Manifest, url: str, change: Change) -> AsyncIterator[list[Source]]:
    """The records of the ranges, see `ranged.records`. url: of the database."""
    wanted = ranged.filled(manifest)
    if not wanted:
        return
    async with history_log(url) as kept:
        await kept.open(wanted)
        async for batch in ranged.records(manifest, kept, change):
            yield batch
