"""How much of its limits the account nearest to one uses, from the newest record of each account."""

from collections.abc import Iterable
from decimal import Decimal

from pydantic import ValidationError

from api.control_view import ControlView
from streams import control as records
from streams.messages import Position
from streams.money import UNIT
from tables import profiles
from tables.profiles import Profile

BPS = 10_000


def limit_use(control: ControlView, accounts: Iterable[Position]) -> dict[str, float]:
    """By limit: the largest share of it in use. accounts: the newest record of each."""
    used = {"open_orders": 0.0, "gross": 0.0}
    for account in accounts:
        profile = _profile(control, account.account)
        if profile is None:
            continue
        used["open_orders"] = max(
            used["open_orders"], account.open_orders / profile.open_orders_max
        )
        used["gross"] = max(used["gross"], _gross(account, profile))
    return used


def _profile(control: ControlView, account: str) -> Profile | None:
    tree = control.limits(account)
    try:
        return None if tree is None else profiles.of(records.Limits.model_validate(tree))
    except ValidationError:
        return None  # the engine refuses it too, and keeps what it had


def _gross(account: Position, profile: Profile) -> float:
    """Exposure by the smaller of the amount and the share of equity; unknown worth uses nothing."""
    if not account.equity or not account.exposure:
        return 0.0
    most = Decimal(profile.gross) / UNIT
    if profile.gross_bps:
        most = min(most, Decimal(account.equity) * profile.gross_bps / BPS)
    return float(Decimal(account.exposure) / most) if most > 0 else 0.0
