"""How fast an account orders, and how often the broker refuses it: a token bucket and a breaker, in event time."""

import msgspec

SECOND_NS = 10**9
REJECTS, REJECT_WINDOW_NS, COMMANDS, HOLD_NS = 5, 120 * SECOND_NS, 20, 60 * SECOND_NS
SPAN_NS = 10 * SECOND_NS
"""Commands are counted in spans of this length."""


class Pace(msgspec.Struct, frozen=True):
    """Of one account. tokens: left at `at` (ns), in 10**-9 of an order, -1 = a full bucket.

    commands: (span, count) of new orders in the last two minutes; rejects: event times of the last broker rejects;
    broken: the event time until which the breaker is open.
    """

    tokens: int = -1
    at: int = 0
    commands: tuple[tuple[int, int], ...] = ()
    rejects: tuple[int, ...] = ()
    broken: int = 0


def take(pace: Pace, now: int, rate: int, burst: int) -> Pace | None:
    """The pace after one more entry; None when the bucket is empty. rate: a second."""
    full = burst * SECOND_NS
    left = full if pace.tokens < 0 else min(full, pace.tokens + max(0, now - pace.at) * rate)
    if left < SECOND_NS:
        return None
    return msgspec.structs.replace(pace, tokens=left - SECOND_NS, at=max(now, pace.at))


def command(pace: Pace, now: int) -> Pace:
    """The pace after one more new order, whatever becomes of it."""
    span = now // SPAN_NS
    if pace.commands and pace.commands[-1][0] >= span:
        last, count = pace.commands[-1]
        commands = (*pace.commands[:-1], (last, count + 1))
    else:
        first = span - REJECT_WINDOW_NS // SPAN_NS
        commands = (*(each for each in pace.commands if each[0] > first), (span, 1))
    return _judged(msgspec.structs.replace(pace, commands=commands), now)


def reject(pace: Pace, now: int) -> Pace:
    """The pace after the broker has refused an order."""
    rejects = (*pace.rejects, now)[-REJECTS:]
    return _judged(msgspec.structs.replace(pace, rejects=rejects), now)


def _judged(pace: Pace, now: int) -> Pace:
    """Too many rejects of many orders open the breaker for a while from the last reject on."""
    rejects = pace.rejects
    if len(rejects) < REJECTS or now - rejects[0] > REJECT_WINDOW_NS:
        return pace
    if sum(count for _, count in pace.commands) < COMMANDS:
        return pace
    return msgspec.structs.replace(pace, broken=rejects[-1] + HOLD_NS)
