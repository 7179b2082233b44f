"""What every reason code means, in the words of `docs/trading.md`; a test compares the codes with those in the code."""

from typing import NamedTuple


class Part(NamedTuple):
    """Codes of one origin. reducing: whether orders that only reduce can get them too; code -> meaning."""

    title: str
    reducing: str
    meanings: dict[str, str]


GATE = (
    Part("1 the contract", "yes", {
        "BAD_VERSION": "`v` is not 1",
        "BAD_FIELD": "a field is missing, of another type, or out of its range; the detail names it",
        "UNKNOWN_FIELD": "a field that the contract does not have",
        "UNKNOWN_COMMAND": "`cmd` is none of new, cancel, replace",
        "UNKNOWN_TYPE": "an order type that is not served",
        "UNKNOWN_TIF": "a time in force that is not served",
        "BAD_TIME": "no RFC 3339 UTC time with Z from the year 2000 on",
        "CREATED_IN_FUTURE": "`created_at` is more than 60 s ahead of the market's clock",
    }),
    Part("2 the symbol", "in part", {
        "UNKNOWN_SYMBOL": "no instrument of that name on `control`",
        "SYMBOL_CLOSED": "delisted refuses all orders; halted and close_only refuse entries",
    }),
    Part("3 the account", "yes", {"UNKNOWN_ACCOUNT": "no account of that name on `control`"}),
    Part("4 the numbers", "yes", {
        "BAD_NUMBER": "no plain decimal: no exponent, no NaN, no sign but a leading minus",
        "QTY_NOT_POSITIVE": "a quantity of 0 or less",
        "QTY_OFF_LOT": "not a whole number of lots",
        "QTY_RANGE": "below `min_qty` or above `max_qty`; closing a whole position may be below",
        "PRICE_NOT_POSITIVE": "a price of 0 or less",
        "PRICE_OFF_TICK": "not a whole number of ticks",
        "PRICE_RANGE": "more than 10^15 ticks",
        "NOTIONAL_OVERFLOW": "worth 10^15 or more",
    }),
    Part("5 what goes together", "yes", {
        "PRICE_MISSING": "the type needs a price that is not given",
        "PRICE_NOT_ALLOWED": "the type takes no such price",
        "BAD_COMBINATION": "fields that exclude each other, or a group whose parent is not live",
        "ALREADY_EXPIRED": "`expire_at` has passed",
        "BRACKET_INVALID": "stop, entry and target are not in this order, or a cash account sells with a bracket",
    }),
    Part("6 the id", "yes", {
        "DUPLICATE_ID_MISMATCH": "another command has used this id",
        "STALE_COMMAND": "created before the memory of ids begins, so it cannot be told from a repeat",
        "MODE_CHANGED": "a repeat, but the account's mode has changed since",
    }),
    Part("7 may it trade at all", "yes", {
        "SIM_REFUSED": "the account's mode and the system's profile do not allow simulation",
        "NO_POSITION": "reduce-only, and nothing to reduce",
    }),
    Part("8 switches", "no", {
        "KILLED": "a kill switch covers it: all, its account, its symbol or its strategy",
        "CONTROL_INVALID": "a control record of its scope cannot be read, so it may be a kill",
        "ACCOUNT_DISABLED": "the account record says `enabled: false`",
        "NO_LIMITS": "the account has no limits",
    }),
    Part("9 latches", "no", {
        "LATCHED_LOSS": "the UTC day's loss is beyond its limit; ends with the day and the cooldown",
        "LATCHED_DRAWDOWN": "fallen too far from the highest NAV; ends by a `resume` record",
        "LATCHED_FEES": "the UTC day's fees are beyond their limit",
        "LATCHED_MARGIN": "NAV below the maintenance margin; ends by a `resume` record",
        "COOLDOWN": "a latch has ended and its cooldown has not",
    }),
    Part("10 the price", "no", {
        "NO_PRICE": "no mark of the symbol, or of something that is held",
        "STALE_PRICE": "the mark is older than `stale_ms`",
        "CROSSED_BOOK": "the bid is above the ask",
        "BREAKER_OPEN": "a circuit breaker of the symbol or of the account is open",
        "SPREAD": "the spread is wider than allowed",
    }),
    Part("11 the band", "no", {"PRICE_BAND": "further than `band_bps` beyond the mark, on the side that pays more"}),
    Part("12 currencies", "no", {
        "DEPEG": "the quote currency has left its peg, or is not seen at it",
        "NO_FX_RATE": "no rate from the quote currency to the account's",
    }),
    Part("13 how many", "no", {
        "RATE_LIMIT": "more entries a second than allowed, in event time",
        "OPEN_ORDERS": "too many live orders of the account or the symbol",
        "STRATEGY_BUSY": "the strategy has an open bracket in the symbol",
    }),
    Part("14 how large", "no", {
        "NOTIONAL_MIN": "worth less than `min_notional`, or sized to nothing",
        "NOTIONAL_MAX": "worth more than the instrument, the limits or the share of NAV allow",
    }),
    Part("15 the stop", "no", {
        "BRACKET_LOSS": "the loss at the stop, fees included, is too large a share of NAV",
        "NO_STOP": "the limits demand a bracket",
    }),
    Part("16 funds", "no", {
        "INSUFFICIENT_CASH": "the reservation is more than what is available",
        "INSUFFICIENT_MARGIN": "the initial margin is more than what is available",
        "INSUFFICIENT_POSITION": "a cash account sells what it has, no more",
    }),
    Part("17 what it adds up to", "no", {
        "POSITION_LIMIT": "the symbol's position, with open orders at worst",
        "GROSS_EXPOSURE": "all symbols, with open orders at worst",
        "CONCENTRATION": "one symbol as a share of NAV",
        "CLUSTER": "symbols that move together, as a share of NAV",
    }),
    Part("18 tails", "no", {
        "CVAR": "the mean of the worst twentieth of simulated hours is too large a share of NAV",
        "VAR": "the 95 or 99 percent loss of simulated hours is beyond its limit",
    }),
    Part("19 the watchdog", "no", {
        "WATCHDOG_VETO": "its rules, or a reviewer, say no",
        "WATCHDOG_TIMEOUT": "no verdict in time, which counts as no",
    }),
)  # fmt: skip
"""The gate's checks in their order; the first that fails decides."""

ALARM = Part("an alarm", "yes", {
    "STUCK": "the exchange has said nothing of an accepted order for 60 s of event time; it stays open",
})  # fmt: skip

CHANGES = Part("cancel and replace", "yes", {
    "UNKNOWN_ORDER": "the account has no order of that id",
    "ORDER_TERMINAL": "it has ended",
    "CANCEL_PENDING": "a cancel of it is under way",
    "REPLACE_PENDING": "a replace of it is under way",
    "REVIEW_PENDING": "it waits for its review; a cancel is possible",
    "PROTECTION_REQUIRED": "the stop of an open bracket can move, and neither go nor shrink",
    "BRACKET_QTY": "a bracket's exits have the quantity of what is open",
})  # fmt: skip

BROKER = Part("the exchange", "yes", {
    "CLIENT": "cancelled as asked",
    "FLATTENED": "cancelled by a kill that flattens",
    "IOC_REST": "what an IOC could not fill at once",
    "FOK_UNFILLED": "not all of a FOK was there",
    "PROTECTION": "the rest would have filled beyond the protection price",
    "REDUCE_ONLY": "nothing is left to reduce",
    "POST_ONLY_WOULD_TAKE": "a post-only order would have taken",
    "EXIT_COMPLETE": "the position of a bracket is closed: the rest of it goes",
    "STOP_CROSSED": "the market is beyond the entry's own stop",
    "PARENT_ENDED": "the order that would have armed it has ended",
    "GROUP_FILLED": "another order of its OCO group has filled",
    "NOT_SIM": "the account's mode is not the one that risk accepted it in",
    "NO_BOOK": "told once (`WAITING`): for a minute no book of its side was there to match it; it waits on",
    "HALTED": "told once (`WAITING`): its symbol has been halted for a minute; it waits on",
})  # fmt: skip

RULES = {
    "TAKER": "took the displayed size at its price",
    "WALK": "took beyond the displayed size: block j of the same size, j ticks further, ten at most",
    "STOP": "a stop that was set off, at the market",
    "THROUGH_QUOTE": "rested, and the other side came to its price: at its own price",
    "THROUGH_TRADE": "rested, and a trade went through its price: at its own price",
    "QUEUE": "rested, and a trade at its price used up what stood before it",
    "TOUCH": "rested, and a trade touched its price (queue model `always`)",
    "THROUGH_BAR": "rested, and a bar went through its price",
}
"""The rule named in each fill."""

DEAD = {
    "NOT_UTF8": "the bytes are no UTF-8",
    "NOT_JSON": "the text is no strict JSON",
    "NOT_AN_OBJECT": "JSON, but no object",
    "DUPLICATE_KEY": "a key stands twice",
    "TOO_LARGE": "a record, number or text beyond its limit",
    "TOO_DEEP": "nested too deeply",
    "NO_ID": "no valid account or client_order_id",
    "KEY_MISMATCH": "the key is not the account",
    "NULL_VALUE": "no value",
    "HANDLER_ERROR": "a handler failed on it where that may be skipped",
    "SIZE_NOT_POSITIVE": "a tick with a size below what is possible",
    "CONTROL_REPLAYED": "a control record whose number or id has been used",
    "INSTRUMENT_KIND_UNSUPPORTED": "an instrument of a kind that is not served",
    "STRATEGY_ERROR": "a strategy raised, or answered with no memory and orders",
    "STRATEGY_ANSWER": "a strategy answered with an order or a memory that is not allowed",
}
"""Reasons of dead letters."""


def codes() -> list[str]:
    """Every code that is explained; one that is used in two places counts twice."""
    parts = (*GATE, CHANGES, ALARM, BROKER)
    return [code for part in parts for code in part.meanings] + [*RULES, *DEAD]
