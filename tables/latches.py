"""Account latches: what a day may lose and cost, how far the worth may fall; tripped once, they hold."""

from typing import NamedTuple

import msgspec

from streams import money
from tables import exposure, rates
from tables.account_tables import AccountTables
from tables.profiles import Profile
from tables.watch import Watch

DAY_NS = 86_400 * 10**9
BPS = 10_000
LOSS, FEES, DRAWDOWN, MARGIN = "LOSS", "FEES", "DRAWDOWN", "MARGIN"
OF_A_DAY = frozenset({LOSS, FEES})
"""They end with the next UTC day, but not before the cooldown; the others by a `resume` record alone."""


class Latch(NamedTuple):
    """One that has just tripped; detail: the compared numbers."""

    name: str
    detail: str


def open_day(tables: AccountTables, account: str, clock_ns: int) -> None:
    """Begin a UTC day with what the account is worth; to be called before the day's first mark is taken."""
    watch = tables.guards.watches.get(account)
    day = clock_ns // DAY_NS
    if watch is not None and watch.day >= day:
        return
    profile = tables.profiles.get(account)
    if profile is None:
        return
    now = exposure.worth(tables, account, profile.base_currency, clock_ns)
    if now.is_known:
        before = watch or Watch()
        fresh = msgspec.structs.replace(
            before, day=day, opening=now.nav, peak=max(before.peak, now.nav), fees=now.fees
        )
        tables.guards.watches.put(account, fresh)


def trip(tables: AccountTables, account: str, clock_ns: int) -> list[Latch]:
    """Latch what is due; nothing where the worth is unknown, which refuses entries by itself."""
    profile, limits = tables.profiles.get(account), tables.limits.get(account)
    watch = tables.guards.watches.get(account)
    if profile is None or limits is None or watch is None:
        return []
    now = exposure.worth(tables, account, profile.base_currency, clock_ns)
    if not now.is_known:
        return []
    nav = now.nav
    if nav > watch.peak:
        watch = msgspec.structs.replace(watch, peak=nav)
        tables.guards.watches.put(account, watch)
    paid = _paid(tables, now.fees, profile.base_currency, watch, clock_ns)
    least = now.maintenance if profile.type == "margin" else None
    tripped = due(watch, limits, nav, paid, least)
    fresh = [latch for latch in tripped if not _holds(watch, latch.name, clock_ns)]
    if fresh:
        latched = watch.latched | {latch.name: clock_ns for latch in fresh}
        tables.guards.watches.put(account, msgspec.structs.replace(watch, latched=latched))
    return fresh


def due(watch: Watch, limits: Profile, nav: int, paid: int, least: int | None) -> list[Latch]:
    """What trips. nav, paid (fees of the day), least (maintenance margin; None: a cash account): money units."""
    loss, fall = watch.opening - nav, watch.peak - nav
    loss_max = min(limits.loss, watch.opening * limits.loss_bps // BPS)
    found = []
    if loss > 0 and loss >= loss_max:
        found.append(Latch(LOSS, f"of the day {money.text(loss)} >= {money.text(loss_max)}"))
    if fall > 0 and fall * BPS >= limits.drawdown_bps * watch.peak:
        bps = fall * BPS // watch.peak if watch.peak > 0 else BPS
        found.append(Latch(DRAWDOWN, f"bps of the peak {bps} >= {limits.drawdown_bps}"))
    if paid > 0 and paid >= limits.fees:
        found.append(Latch(FEES, f"of the day {money.text(paid)} >= {money.text(limits.fees)}"))
    if least is not None and nav < least:
        found.append(Latch(MARGIN, f"nav {money.text(nav)} < {money.text(least)}"))
    return found


def _holds(watch: Watch, name: str, clock_ns: int) -> bool:
    since = watch.latched.get(name)
    if since is None:
        return False
    return name not in OF_A_DAY or since // DAY_NS >= clock_ns // DAY_NS


def refusal(watch: Watch, limits: Profile, clock_ns: int) -> tuple[str, str]:
    """Why an entry of the account is refused: (reason, detail), ("", "") when no latch holds."""
    cooling = ""
    for name, since in watch.latched.items():
        if _holds(watch, name, clock_ns):
            return f"LATCHED_{name}", f"since {since}"
        if clock_ns < since + limits.cooldown_ns:
            cooling = f"{name} until {since + limits.cooldown_ns}"
    return ("COOLDOWN", cooling) if cooling else ("", "")


def resume(tables: AccountTables, account: str, seq: int) -> bool:
    """Lift what no new day lifts, and count the fall from here on; False for a seq that is known."""
    watch = tables.guards.watches.get(account) or Watch()
    if not seq > watch.seq:
        return False
    kept = {name: since for name, since in watch.latched.items() if name in OF_A_DAY}
    lifted = msgspec.structs.replace(watch, seq=seq, latched=kept, peak=0)
    tables.guards.watches.put(account, lifted)
    return True


def moved(tables: AccountTables, account: str, currency: str, amount: int, clock_ns: int) -> None:
    """A booked deposit or withdrawal is no gain and no loss: the day's beginning moves, the peak keeps its ratio."""
    watch, profile = tables.guards.watches.get(account), tables.profiles.get(account)
    if watch is None or profile is None:
        return
    base = rates.convert(tables, amount, currency, profile.base_currency, clock_ns)
    if base is None:
        return
    now = exposure.worth(tables, account, profile.base_currency, clock_ns)
    before = now.nav - base
    peak = watch.peak + base
    if now.is_known and before > 0:
        peak = watch.peak * now.nav // before
    tables.guards.watches.put(
        account, msgspec.structs.replace(watch, opening=watch.opening + base, peak=peak)
    )


def _paid(
    tables: AccountTables, fees: dict[str, int], currency: str, watch: Watch, clock_ns: int
) -> int:
    """Fees of the day. fees: of each currency, paid so far."""
    paid = 0
    for name, total in fees.items():
        of_day = total - watch.fees.get(name, 0)
        paid += rates.convert(tables, of_day, name, currency, clock_ns) or 0
    return paid
