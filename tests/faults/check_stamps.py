"""Rules of the transport: each cause has all its outputs once, steps rise, nothing is left unread or counted twice."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator

from streams.ids import Ref
from streams.topics import BY_NAME
from tests.faults.history import GROUP_OF, STATES, History, Stamp, Violation, ref, stamp


def check(history: History) -> Iterator[Violation]:
    """I8, I9 and I17."""
    stamps = _stamps(history)
    yield from _each_output_once(stamps)
    yield from _steps_rise(stamps)
    yield from _all_is_applied(history)
    yield from _dead_letters_show_their_origin(history)


def _stamps(history: History) -> dict[str, list[Stamp]]:
    stamps: dict[str, list[Stamp]] = defaultdict(list)
    for topic, group in GROUP_OF.items():
        stamps[group] += [found for r in history.of(topic) if (found := stamp(r)) is not None]
    for record, letter in history.messages("dead.letters"):
        found = stamp(record)
        if found is not None:
            stamps[letter.group].append(found)
    # A forwarded command, or one of the strategist.
    for record in history.of("orders"):
        found = stamp(record)
        if found is not None:
            by = "strategist" if found.cause.topic != "orders" else "account"
            stamps[by].append(found)
    return stamps


def _each_output_once(stamps: dict[str, list[Stamp]]) -> Iterator[Violation]:
    """A broadcast cause is handled by every cell, and two of them may stand at the same step."""
    for group, found in stamps.items():
        places: dict[tuple[Ref, int, int], Counter[int]] = defaultdict(Counter)
        for each in found:
            places[each.cause, each.step, each.of][each.place] += 1
        steps = Counter(cause for cause, _step, _of in places)
        for (cause, step, of), seen in places.items():
            broadcast = BY_NAME[cause.topic].copartition == "broadcast"
            once = set(seen.values()) == {1} and steps[cause] == 1
            if set(seen) != set(range(of)) or not (broadcast or once):
                yield Violation("I9", f"{group}: {cause} at step {step} has {dict(seen)} of {of}")


def _steps_rise(stamps: dict[str, list[Stamp]]) -> Iterator[Violation]:
    for group, found in stamps.items():
        cells: dict[int, dict[int, Stamp]] = defaultdict(dict)
        for each in found:
            if BY_NAME[each.cause.topic].copartition == "broadcast":
                continue
            before = cells[each.cause.partition].setdefault(each.step, each)
            if (before.cause, before.epoch) != (each.cause, each.epoch):
                yield Violation("I8", f"{group}: step {each.step} is {before} and {each}")
        for cell in cells.values():
            yield from _rising(group, [cell[step] for step in sorted(cell)])


def _rising(group: str, path: list[Stamp]) -> Iterator[Violation]:
    last: dict[str, int] = {}
    epoch = 0
    for each in path:
        if each.epoch < epoch or each.cause.offset <= last.get(each.cause.topic, -1):
            yield Violation("I8", f"{group}: {each} after epoch {epoch} and offsets {last}")
        epoch, last[each.cause.topic] = each.epoch, each.cause.offset


def _all_is_applied(history: History) -> Iterator[Violation]:
    """At rest: each cell has counted every record of each of its inputs once."""
    for state in STATES:
        for (partition, _), row in history.rows(state, "progress").items():
            for topic, applied in row["applied"].items():
                if BY_NAME[topic].cleanup == "compact":
                    continue
                there = [r.offset for r in history.of(topic) if r.partition == partition]
                last = row["last"][topic]["offset"]
                if len(there) != applied or there[-1] != last:
                    what = f"{state}[{partition}] applied {applied} of {topic} up to {last}"
                    yield Violation("I9", f"{what}, there are {len(there)} up to {there[-1:]}")
            if row["step"] != sum(row["applied"].values()):
                yield Violation("I9", f"{state}[{partition}]: step {row['step']}, {row['applied']}")


def _dead_letters_show_their_origin(history: History) -> Iterator[Violation]:
    values = {ref(r): r.value for topic in ("orders", "market.quotes") for r in history.of(topic)}
    for _record, letter in history.messages("dead.letters"):
        if letter.origin.topic not in ("orders", "market.quotes"):
            continue
        if letter.origin not in values:
            yield Violation("I17", f"{letter.origin} does not exist")
        elif hashlib.sha256(values[letter.origin] or b"").hexdigest() != letter.sha256:
            yield Violation("I17", f"{letter.origin} has other bytes than its dead letter")
