"""Rules of the transport: each cause has all its outputs once, steps rise, nothing is left unread or counted twice."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator

from api.verify.history import GROUP_OF, READER_OF, History, Stamp, Violation, ref, writer
from streams.ids import Ref
from streams.topics import BY_NAME


def check(history: History, at_rest: bool) -> Iterator[Violation]:
    """I8, I9 and I17; at rest L1 too."""
    stamps = _stamps(history)
    yield from _each_output_once(stamps)
    yield from _steps_rise(stamps)
    yield from _all_is_applied(history)
    if at_rest:
        yield from _nothing_is_left(history)
    yield from _dead_letters_show_their_origin(history)


def _stamps(history: History) -> dict[str, list[Stamp]]:
    stamps: dict[str, list[Stamp]] = defaultdict(list)
    for topic in (*GROUP_OF, "dead.letters", "orders"):
        for record in history.of(topic):
            written = writer(record)
            if written is not None:
                group, found = written
                stamps[group].append(found)
    return stamps


def _each_output_once(stamps: dict[str, list[Stamp]]) -> Iterator[Violation]:
    """A cause has its outputs from each cell that it reached: one, unless it is broadcast."""
    for group, found in stamps.items():
        places: dict[tuple[Ref, int, int, int], Counter[int]] = defaultdict(Counter)
        for each in found:
            places[each.cause, each.cell, each.step, each.of][each.place] += 1
        steps = Counter((cause, cell) for cause, cell, _step, _of in places)
        for (cause, cell, step, of), seen in places.items():
            once = set(seen.values()) == {1} and steps[cause, cell] == 1
            if set(seen) != set(range(of)) or not once:
                what = f"{cause} at step {step} has {dict(seen)} of {of}"
                yield Violation("I9", f"{group}[{cell}]: {what}")


def _steps_rise(stamps: dict[str, list[Stamp]]) -> Iterator[Violation]:
    for group, found in stamps.items():
        cells: dict[int, dict[int, Stamp]] = defaultdict(dict)
        for each in found:
            before = cells[each.cell].setdefault(each.step, each)
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
    """Each cell has counted every record of each of its inputs once, up to the last one it has applied."""
    for (state, partition), row in history.progress.items():
        for topic, applied in row["applied"].items():
            if BY_NAME[topic].cleanup == "compact" or history.begins.get((topic, partition)):
                continue
            last = row["last"][topic]["offset"]
            of = [r.offset for r in history.of(topic) if r.partition == partition]
            there = [offset for offset in of if offset <= last]
            if len(there) != applied or there[-1] != last:
                what = f"{state}[{partition}] applied {applied} of {topic} up to {last}"
                yield Violation("I9", f"{what}, there are {len(there)} up to {there[-1:]}")
        if row["step"] != sum(row["applied"].values()):
            yield Violation("I9", f"{state}[{partition}]: step {row['step']}, {row['applied']}")


def _nothing_is_left(history: History) -> Iterator[Violation]:
    reading = {state for state, _ in history.progress}
    for topic, state in READER_OF.items():
        left = [r for r in history.of(topic) if not history.applied(r)] if state in reading else []
        if left:
            yield Violation(
                "L1", f"{len(left)} records are not applied, the first is {ref(left[0])}"
            )


def _dead_letters_show_their_origin(history: History) -> Iterator[Violation]:
    values = {ref(r): r.value for topic in ("orders", "market.quotes") for r in history.of(topic)}
    for _record, letter in history.messages("dead.letters"):
        if letter.origin.topic not in ("orders", "market.quotes"):
            continue
        if history.gone(letter.origin):
            continue
        if letter.origin not in values:
            yield Violation("I17", f"{letter.origin} does not exist")
        elif hashlib.sha256(values[letter.origin] or b"").hexdigest() != letter.sha256:
            yield Violation("I17", f"{letter.origin} has other bytes than its dead letter")
