"""What workers of earlier releases have logged of their tables is restored by today's."""

from functools import cache

import pytest

from agents.fold import Cell
from agents.routes import heavy, routes
from release.notes import version
from tests.catalogue import changelogs
from tests.catalogue.changelogs import PARTITIONS, Row

READ_NO_MORE: dict[str, frozenset[str]] = {}
"""By release, tables that a worker of today refuses: its upgrade is a new generation, as the changelog must say."""


HINT = "raise the table's version and read the older one; before the release, `python -m tests.catalogue.changelogs`"


@cache
def cells() -> dict[str, Cell]:
    groups = (*routes(PARTITIONS, strategy="signal"), heavy())
    return {group.name: Cell(group, 0, PARTITIONS) for group in groups}


@pytest.mark.parametrize("release", changelogs.releases())
def test_rows_of_a_release_are_restored(release: str) -> None:
    restored = set()
    for row in changelogs.read(release):
        name, _, key = row.key.partition("|")
        if name in READ_NO_MORE.get(release, frozenset()):
            continue
        cell = cells()[row.group]
        try:
            cell.restore(row.key.encode(), row.value)
        except (ValueError, TypeError) as error:
            pytest.fail(f"{row.key}: {error}; {HINT}")
        (table,) = [each for each in cell.tables.all() if each.name == name]
        assert key in table, row.key
        restored.add(name)
    assert len(restored) >= 25


def test_this_release_has_rows_that_the_next_must_read() -> None:
    assert version() in changelogs.releases(), "run `python -m tests.catalogue.changelogs`"


def test_a_row_of_a_version_that_nobody_knows_is_refused_by_name() -> None:
    row = changelogs.read(version())[0]
    unknown = Row(row.group, row.key, 99, row.text)
    with pytest.raises(ValueError, match="unknown value version"):
        cells()[row.group].restore(unknown.key.encode(), unknown.value)
