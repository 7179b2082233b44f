"""The shipped profiles are the published ones, and a record changes what it names and nothing else."""

import msgspec
import pytest
from pydantic import ValidationError

from streams import control, money
from tables import profiles
from tables.profiles import SHIPPED, SymbolLimits

K = 1_000 * money.UNIT


@pytest.mark.parametrize(
    ("name", "loss", "loss_bps", "drawdown", "fees", "order", "order_bps", "var", "rest"),
    [
        ("default", 50, 500, 1_000, 5, 1_500, 2_000, (250, 450), (25, 2_000, 60, 8_500)),
        ("house", 150, 10_000, 1_000, 35, 7_500, 3_500, (250, 450), (15, 2_000, 60, 8_500)),
        ("careful", 50, 10_000, 800, 10, 1_500, 2_500, (100, 175), (20, 3_000, 120, 8_500)),
        ("active", 100, 10_000, 1_000, 20, 3_500, 3_000, (180, 320), (18, 2_500, 90, 9_000)),
    ],
)
def test_shipped_profile(
    name: str, loss: int, loss_bps: int, drawdown: int, fees: int, order: int, order_bps: int,
    var: tuple[int, int], rest: tuple[int, int, int, int],
) -> None:  # fmt: skip
    shipped = SHIPPED[name]
    assert (shipped.loss, shipped.loss_bps, shipped.drawdown_bps) == (loss * K, loss_bps, drawdown)
    assert (shipped.fees, shipped.order, shipped.order_bps) == (fees * K, order * K, order_bps)
    assert (shipped.var95, shipped.var99, shipped.symbol_bps) == (var[0] * K, var[1] * K, 3_500)
    spread, stale_ms, cooldown, correlation = rest
    assert (shipped.spread_bps, shipped.stale_ms, shipped.bars) == (spread, stale_ms, 250)
    assert (shipped.cooldown_ns, shipped.correlation_bps) == (cooldown * 60 * 10**9, correlation)
    assert (shipped.cvar_bps, shipped.cluster_bps, shipped.bracket_loss_bps) == (500, 6_000, 200)
    assert (shipped.rate, shipped.burst) == (100, 200)


def test_record_without_a_profile_has_the_default_one() -> None:
    assert profiles.of(control.Limits(account="a")) == SHIPPED["default"]
    assert profiles.of(control.Limits(account="a", profile="active")) == SHIPPED["active"]


def test_record_changes_what_it_names() -> None:
    changes = {name: None for name in control.Limits.model_fields} | {
        "account": "a", "kind": "limits", "profile": "house", "loss_max": "1", "fees_max": "2",
        "order_notional_max": "3", "gross_exposure_max": "4", "var95_max": "5", "var99_max": "6",
        "order_notional_bps": 7, "rate_per_s": 8, "rate_burst": 9, "cooldown_minutes": 10,
        "spread_bps": 11, "bracket_required": True, "flatten": True,
        "symbols": {"X.Y": control.SymbolLimits(position_max="12", order_notional_max="13")},
    }  # fmt: skip
    unit = money.UNIT
    assert profiles.of(control.Limits.model_validate(changes)) == msgspec.structs.replace(
        SHIPPED["house"], loss=unit, fees=2 * unit, order=3 * unit, gross=4 * unit, var95=5 * unit,
        var99=6 * unit, order_bps=7, rate=8, burst=9, cooldown_ns=600 * 10**9, spread_bps=11,
        bracket_required=True, flatten=True, symbols={"X.Y": SymbolLimits(12 * unit, 13 * unit)},
    )  # fmt: skip


def test_every_limit_of_a_record_reaches_the_profile() -> None:
    """A field that nobody reads would be a limit that does not hold."""
    for name, field in control.Limits.model_fields.items():
        if name in ("kind", "account", "profile", "symbols"):
            continue
        value = True if field.annotation is bool else "77" if name.endswith("_max") else 77
        if name.endswith("orders_max"):
            value = 77
        changed = control.Limits.model_validate({"account": "a", name: value})
        assert profiles.of(changed) != SHIPPED["default"], name


@pytest.mark.parametrize(
    "wrong", [{"loss_max": "-1"}, {"spread_bps": -1}, {"bars": 30}, {"profile": "none"}, {"rate_per_s": 0}]
)  # fmt: skip
def test_limits_that_make_no_sense_are_no_record(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        control.Limits.model_validate({"account": "a"} | wrong)


def test_profile_survives_its_table() -> None:
    changed = profiles.of(control.Limits(account="a", loss_max="999999999999999"))
    data = msgspec.json.encode(changed)
    assert msgspec.json.decode(data, type=profiles.Profile) == changed
