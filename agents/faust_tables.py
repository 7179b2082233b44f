"""The cells' tables as Faust sees them: listed by `faust tables`, readable in agents; their restore is not Faust's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from faust.tables import TableManager

from agents.fold import Cell


class StateTable(Mapping[str, Any]):
    """One table over all cells of this worker, as far as committed; read only."""

    def __init__(self, group: str, table: str, cells: Callable[[], Iterable[Cell]]) -> None:
        self.name = f"{group}.{table}"
        self.help = f"{table} of the {group} cells, committed"
        self._group = group
        self._table = table
        self._cells = cells

    def _parts(self) -> Iterator[Mapping[str, Any]]:
        for cell in self._cells():
            if cell.group.name == self._group:
                yield from (t.committed for t in cell.tables.all() if t.name == self._table)

    def __getitem__(self, key: str) -> Any:
        for part in self._parts():
            if key in part:
                return part[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        for part in self._parts():
            yield from part

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())


class StateTables(TableManager):
    """Faust's table manager without its recovery: the binding has restored the cells before anything is read."""

    def __bool__(self) -> bool:
        """No table for Faust to recover."""
        return False

    async def on_start(self) -> None:
        """Begin at once; Faust waits a second here for tables to be declared."""
        await self._update_channels()
        await self.recovery.start()

    async def _update_channels(self) -> None:
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_rebalance(
        self, assigned: Any, revoked: Any, newly_assigned: Any, generation_id: int = 0
    ) -> None:
        """Let Faust's recovery resume the streams."""
        self._recovery_started.set()
        await self.recovery.on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def on_stop(self) -> None:
        """Stop fetching first."""
        await self.app._fetcher.stop()  # type: ignore[attr-defined]  # as the class we extend does
        await self.recovery.stop()
