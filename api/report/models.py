"""What the promotion gate did: every change of what served, with the evidence for it."""

from typing import Any

import msgspec
import psycopg

from api.registry import aliases


async def changes(url: str) -> dict[str, Any]:
    """How often something was promoted and rolled back, and each change, the oldest first."""
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        counts = await aliases.counts(connection)
        found = [
            alias
            for model in await aliases.current(connection)
            for alias in await aliases.history(connection, model)
        ]
    return {
        "promotions": counts.get("promote", 0),
        "rollbacks": counts.get("rollback", 0),
        "demotions": counts.get("demote", 0),
        "swaps": [
            {
                "model": alias.model,
                "epoch": alias.epoch,
                "action": alias.action,
                "champion": alias.champion,
                "challenger": alias.challenger,
                "effective_from": alias.effective_from,
                "by": alias.by,
                "reason": alias.reason,
                "evidence": msgspec.json.decode(alias.evidence) if alias.evidence else {},
            }
            for alias in found
        ],
    }
