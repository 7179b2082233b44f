"""Rules of the money: positions are the sum of fills, cash follows from them, and none is made or lost."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Set
from fractions import Fraction
from typing import Any

from api.verify.history import History, Violation, ref, stamp
from streams.ids import Ref
from streams.messages import Fill, Position

UNIT = 10**18
WHOLE_RATE = 10**6

Amounts = defaultdict[tuple[str, str], Fraction]


def check(history: History) -> Iterator[Violation]:
    """I4, I5, I6 as far as it concerns the account group, and I14."""
    books = Books(history)
    yield from books.follow()
    yield from books.compare()
    yield from _reservations(history)


class Books:
    """Positions by (account, symbol) and cash by (account, currency), counted from the records alone."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.fills = {ref(record): fill for record, fill in history.messages("fills")}
        self.movements = {
            ref(r): movement for r, movement in history.control() if movement["kind"] == "cash"
        }
        self.instruments = {
            c["instrument"]["symbol"]: c["instrument"]
            for _, c in history.control()
            if c["kind"] == "instrument"
        }
        self.accounts = [p for state, p in history.progress if state == "account-state"]
        self.booked: Set[Ref] = frozenset()
        self.qty: Amounts = defaultdict(Fraction)
        self.cash: Amounts = defaultdict(Fraction)
        self.house: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.fees: defaultdict[str, Fraction] = defaultdict(Fraction)

    def follow(self) -> Iterator[Violation]:
        """Each record of `positions` must be the books after its cause; a fill and a movement have one each."""
        causes: Counter[Ref] = Counter()
        for record, position in self.history.messages("positions"):
            found = stamp(record)
            cause = None if found is None else found.cause
            if cause in self.fills:
                yield from self._after_fill(self.fills[cause], position)
            elif cause in self.movements:
                yield from self._after_movement(self.movements[cause], position)
            elif cause is not None and cause.topic == "market.marks" and not position.symbol:
                yield from self._cash(position.account, position.currency, position)
                continue
            else:
                yield Violation("I4", f"{ref(record)} has the cause {cause}")
                continue
            causes[cause] += 1
        self.booked = causes.keys() & self.movements.keys()
        refused = self.history.refused()
        for expected in (self.fills.keys() | self.movements.keys()) - refused:
            if causes[expected] != 1 and (causes[expected] or self._is_due(expected)):
                yield Violation("I4", f"{expected} has {causes[expected]} records of positions")

    def _is_due(self, cause: Ref) -> bool:
        """Whether whoever books it has applied it; of a movement the owner is one of all account cells."""
        owners = [cause.partition] if cause in self.fills else self.accounts
        positions = [self.history.position("account-state", p, cause.topic) for p in owners]
        return cause.offset < min(positions, default=0)

    def _after_fill(self, fill: Fill, position: Position) -> Iterator[Violation]:
        instrument = self.instruments[fill.symbol]
        side = 1 if fill.side == "buy" else -1
        qty, price = Fraction(fill.qty), Fraction(fill.price)
        notional = qty * price * Fraction(instrument["multiplier"])
        fee = notional * fill.fee_rate / WHOLE_RATE
        if (notional, fee) != (Fraction(fill.notional), Fraction(fill.fee)):
            yield Violation("I5", f"fill {fill.fill_id}: notional {notional}, fee {fee}")
        self.qty[fill.account, fill.symbol] += side * qty
        self.cash[fill.account, instrument["quote"]] -= side * notional + fee
        self.house[instrument["quote"]] += side * notional
        self.fees[instrument["quote"]] += fee
        told = (position.account, position.symbol, position.fill_id, Fraction(position.qty))
        net = self.qty[fill.account, fill.symbol]
        if told != (fill.account, fill.symbol, fill.fill_id, net):
            yield Violation("I4", f"after fill {fill.fill_id}: {net} held, told {told}")
        yield from self._cash(fill.account, instrument["quote"], position)

    def _after_movement(self, movement: dict[str, Any], position: Position) -> Iterator[Violation]:
        key = movement["account"], movement["currency"]
        self.cash[key] += Fraction(movement["amount"])
        yield from self._cash(*key, position)

    def _cash(self, account: str, currency: str, position: Position) -> Iterator[Violation]:
        cash = self.cash[account, currency]
        if Fraction(position.cash) != cash:
            yield Violation("I5", f"{account} has {cash} {currency}, told {position.cash}")

    def compare(self) -> Iterator[Violation]:
        """The changelog of the account group must hold these books, and they must balance."""
        lots = {s: Fraction(i["lot"]) for s, i in self.instruments.items()}
        held = {
            tuple(key.split("|")): row["qty"] * lots[key.split("|")[1]]
            for (_, key), row in self.history.rows("account-state", "positions").items()
        }
        cash = {
            tuple(key.split("|")): Fraction(row["cash"], UNIT)
            for (_, key), row in self.history.rows("account-state", "balances").items()
        }
        yield from _differences("position", held, self.qty)
        yield from _differences("cash", cash, self.cash)
        totals: dict[str, Counter[str]] = defaultdict(Counter)
        for (_, currency), row in self.history.rows("account-state", "totals").items():
            totals[currency].update(row)
        for currency, total in totals.items():
            accounts = sum((c for (_, of), c in self.cash.items() if of == currency), Fraction())
            deposits = accounts + self.house[currency] + self.fees[currency]
            ours = (accounts, self.house[currency], self.fees[currency], deposits)
            names = ("accounts", "house", "fees", "deposits")
            theirs = tuple(Fraction(total[name], UNIT) for name in names)
            if ours != theirs:
                yield Violation("I5", f"{currency}: counted {ours}, the changelog has {theirs}")
        yield from self._conserved()

    def _conserved(self) -> Iterator[Violation]:
        moved: defaultdict[str, Fraction] = defaultdict(Fraction)
        for origin in self.booked:
            movement = self.movements[origin]
            moved[movement["currency"]] += Fraction(movement["amount"])
        for currency in moved:
            accounts = sum((c for (_, of), c in self.cash.items() if of == currency), Fraction())
            whole = accounts + self.house[currency] + self.fees[currency]
            if whole != moved[currency]:
                yield Violation("I5", f"{currency}: {moved[currency]} came in, {whole} is there")


def _differences(what: str, theirs: dict[Any, Fraction], ours: Amounts) -> Iterator[Violation]:
    for key in theirs.keys() | ours.keys():
        if theirs.get(key, Fraction()) != ours.get(key, Fraction()):
            told = theirs.get(key)
            yield Violation("I6", f"{what} of {key}: {ours.get(key)}, the changelog has {told}")


def _reservations(history: History) -> Iterator[Violation]:
    """What an account has reserved is what its live orders may still take."""
    quotes = {
        c["instrument"]["symbol"]: c["instrument"]["quote"]
        for _, c in history.control()
        if c["kind"] == "instrument"
    }
    expected: Counter[str] = Counter()
    for row in history.rows("account-state", "orders").values():
        terms = row["terms"]  # fields that have their default are left out
        last = row.get("closing", -1)
        lots = (terms["qty"] if last < 0 else last) - row.get("filled", 0)
        expected[f"{row['account']}|{quotes[row['symbol']]}"] += terms["reserved_lot"] * lots
    for (_, key), row in history.rows("account-state", "balances").items():
        if row["reserved"] != expected[key]:
            yield Violation("I14", f"{key}: {row['reserved']} reserved, {expected[key]} expected")
