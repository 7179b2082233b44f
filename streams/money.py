"""Exact money: integers on the inside, decimal strings on the wire; everything above counts in these units."""

import re

SCALE = 18
"""Decimal places of money: one unit is 10**-18 of a currency."""

UNIT: int = 10**SCALE
RATE_SCALE = 1_000_000
"""A fee rate is an integer of 0.01 basis point: 1_000_000 of them are the whole."""

_DECIMAL = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,18}))?")


def parse(text: str) -> int:
    """Money units (10**-18) of a plain decimal string.

    Raises ValueError for an exponent, a sign other than a leading minus, more than 18 decimals, or anything else that
    is not `digits[.digits]`.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a plain decimal: {text[:40]!r}")
    sign, whole, fraction = match.groups()
    units = int(whole) * UNIT + int((fraction or "").ljust(SCALE, "0"))
    return -units if sign else units


def text(units: int) -> str:
    """The shortest decimal string of an amount in money units; `parse` undoes it."""
    sign, digits = ("-", str(-units)) if units < 0 else ("", str(units))
    if len(digits) <= SCALE:
        digits = digits.zfill(SCALE + 1)
    fraction = digits[-SCALE:].rstrip("0")
    whole = digits[:-SCALE]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def fee(notional: int, rate: int) -> int:
    """Fee in money units; exact, since a notional is a whole number of 10**-12.

    rate: integers of 0.01 basis point, negative for a rebate.
    """
    units, rest = divmod(notional * rate, RATE_SCALE)
    assert rest == 0, "a notional finer than 10**-12 cannot be charged exactly"
    return units


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator (> 0) rounded to the nearest integer, ties to even."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient
