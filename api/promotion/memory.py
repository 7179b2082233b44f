"""What the gate has counted and how far it has read, kept in PostgreSQL with the decision that came of it."""

import msgspec

from api.promotion.examples import Offsets
from api.registry.aliases import Connection
from models.gate.evidence import Evidence
from models.gate.state import GateState


async def load(connection: Connection, model: str) -> tuple[GateState, Offsets]:
    """The state of a model's gate; an empty one before its first pass."""
    rows = await connection.execute(
        "SELECT state::text, offsets::text FROM gate_state WHERE model = %s", [model]
    )
    found = await rows.fetchone()
    if found is None:
        return GateState(), {}
    state, offsets = found
    return (
        msgspec.json.decode(state, type=GateState),
        msgspec.json.decode(offsets, type=Offsets),
    )


async def save(
    connection: Connection, model: str, state: GateState, offsets: Offsets, seen: Evidence
) -> None:
    """Keep both and what the pass saw, within the caller's transaction."""
    await connection.execute(
        "INSERT INTO gate_state (model, offsets, state, evidence) VALUES (%s, %s, %s, %s) ON CONFLICT (model) "
        "DO UPDATE SET offsets = excluded.offsets, state = excluded.state, evidence = excluded.evidence, "
        "updated_at = now()",
        [model, *(msgspec.json.encode(each).decode() for each in (offsets, state, seen))],
    )
