"""A table against a naive twin: three plain dicts, copied whole."""

import copy

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.state import Table

KEYS = st.sampled_from(["a", "b", "c", "d|e", "ü"])


class Amount(msgspec.Struct):
    value: int
    side: str = "buy"


class BySide:
    """An index: the keys of each side."""

    def __init__(self) -> None:
        self.keys: dict[str, set[str]] = {}

    def change(self, key: str, old: Amount | None, new: Amount | None) -> None:
        if old is not None:
            self.keys[old.side].remove(key)
        if new is not None:
            self.keys.setdefault(new.side, set()).add(key)

    def clear(self) -> None:
        self.keys = {}


class TableAgainstItsTwin(RuleBasedStateMachine):
    """committed: after publish; sealed: the chunk in flight as well; open: as this chunk sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.index = BySide()
        self.indexed = Table("t", Amount, (self.index,))
        self.plain = Table("t", Amount)
        self.committed: dict[str, int] = {}
        self.sealed: dict[str, int] | None = None
        self.open: dict[str, int] = {}
        self.changed: set[str] = set()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.durable: dict[bytes, bytes | None] = {}

    @rule(key=KEYS, value=st.integers(0, 9))
    def put(self, key: str, value: int) -> None:
        self.indexed.put(key, amount(value))
        self.plain.put(key, amount(value))
        self.open[key] = value
        self.changed.add(key)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.indexed.delete(key)
        self.plain.delete(key)
        self.open.pop(key, None)
        self.changed.add(key)

    @rule(key=KEYS, value=st.integers(0, 9))
    def edit_in_place(self, key: str, value: int) -> None:
        found = self.plain.edit(key)
        assert (found is not None) == (key in self.open)
        if found is not None:
            found.value, found.side = value, amount(value).side
            self.indexed.put(key, amount(value))
            self.open[key] = value
            self.changed.add(key)

    @precondition(lambda self: self.sealed is None)
    @rule()
    def seal(self) -> None:
        records = self.plain.seal()
        assert dict(records) == dict(self.indexed.seal())
        assert {key for key, _value in records} == {f"t|{key}".encode() for key in self.changed}
        assert len(records) == len(self.changed)
        self.log, self.changed = records, set()
        self.sealed = self.open.copy()

    @precondition(lambda self: self.sealed is not None)
    @rule()
    def publish(self) -> None:
        assert self.sealed is not None
        self.plain.publish()
        self.indexed.publish()
        self.committed, self.sealed = self.sealed, None
        self.durable |= dict(self.log)

    @rule()
    def discard(self) -> None:
        self.plain.discard()
        self.indexed.discard()
        self.open = self.committed.copy() if self.sealed is None else self.sealed.copy()
        self.changed = set()

    @invariant()
    def readers_outside_see_what_is_committed(self) -> None:
        for table in (self.plain, self.indexed):
            assert {k: v.value for k, v in table.committed.items()} == self.committed

    @invariant()
    def the_chunk_sees_its_own_changes(self) -> None:
        for table in (self.plain, self.indexed):
            assert [(k, v.value) for k, v in table.items()] == sorted(self.open.items())
            for key in ("a", "b", "c", "d|e", "ü"):
                assert (key in table) == (key in self.open)

    @invariant()
    def the_index_follows(self) -> None:
        expected: dict[str, set[str]] = {}
        for key, value in self.open.items():
            expected.setdefault(amount(value).side, set()).add(key)
        assert {side: keys for side, keys in self.index.keys.items() if keys} == expected

    @invariant()
    def a_restore_from_the_log_gives_what_is_committed(self) -> None:
        index = BySide()
        table = Table("t", Amount, (index,))
        for key, data in self.durable.items():
            table.load(key.decode().partition("|")[2], data)
        assert {k: v.value for k, v in table.committed.items()} == self.committed
        assert set().union(*index.keys.values()) == self.committed.keys()


def amount(value: int) -> Amount:
    return Amount(value, "sell" if value % 2 else "buy")


TestTableAgainstItsTwin = TableAgainstItsTwin.TestCase
TestTableAgainstItsTwin.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_second_chunk_cannot_be_sealed_above_one_in_flight() -> None:
    table = Table("t", Amount)
    table.put("a", Amount(1))
    table.seal()
    table.put("b", Amount(2))
    with pytest.raises(AssertionError, match="one chunk commits at a time"):
        table.seal()


def test_an_edit_does_not_reach_through_to_the_chunk_in_flight() -> None:
    table = Table("t", Amount)
    table.put("a", Amount(1))
    table.seal()
    changed = table.edit("a")
    assert changed is not None
    changed.value = 2
    table.publish()
    assert table.committed["a"] == Amount(1)
    assert table["a"] == Amount(2)


def test_a_value_of_a_version_this_code_does_not_know_is_refused() -> None:
    table = Table("t", Amount)
    with pytest.raises(ValueError, match="unknown value version"):
        table.load("a", b"\x02" + b'{"value":1}')


def test_money_wider_than_64_bits_survives_the_log() -> None:
    table = Table("t", Amount)
    table.put("a", Amount(10**40))
    ((_, data),) = table.seal()
    assert data is not None
    assert table.value(data) == Amount(10**40)
    assert copy.copy(table.value(data)) == Amount(10**40)
