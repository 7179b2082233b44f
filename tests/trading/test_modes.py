"""The simulation gate: each cell of its table with each alias, at the start of a process and for every account."""

from itertools import product
from typing import Any

import pytest

from agents.worker import run_worker
from streams import control, modes
from streams.codec import Undecodable
from streams.modes import Simulation
from streams.settings import Settings
from tests.trading.drive import Drive, ready, wide

LIMIT = {"qty": "0.010", "price": "50000.00"}
PROFILES = {
    "simulation": ["simulation", "SIMULATION", "Simulation"],
    "staging": ["staging", "Staging"],
    "production": ["production", "prod", "live", "PROD", "Live"],
    "": ["", "local", "test", "simulation ", "prod2"],
}
FLAGS = {
    "on": ["on", "true", "yes", "1", "ON", "True"],
    "off": ["", "off", "false", "no", "0", "Off"],
    "unreadable": ["2", "y", " on", "maybe", "none"],
}
MODES = {"sim": ["sim"], "production": ["production"], "other": ["", "SIM", "live", "paper"]}
PAGE: dict[tuple[str, str], tuple[str, str, str]] = {
    ("simulation", "on"): ("SIM", "SIM", "REFUSE"),
    ("simulation", "off"): ("SIM", "REFUSE", "REFUSE"),
    ("simulation", "unreadable"): ("REFUSE_START",) * 3,
    ("staging", "on"): ("SIM", "SIM", "REFUSE"),
    ("staging", "off"): ("SIM", "REFUSE", "REFUSE"),
    ("staging", "unreadable"): ("REFUSE_START",) * 3,
    ("production", "on"): ("REFUSE_START",) * 3,
    ("production", "off"): ("SIM", "REFUSE", "REFUSE"),
    ("production", "unreadable"): ("REFUSE_START",) * 3,
    ("", "on"): ("REFUSE_START",) * 3,
    ("", "off"): ("REFUSE_START",) * 3,
    ("", "unreadable"): ("REFUSE_START",) * 3,
}


def test_every_cell_is_tested() -> None:
    assert set(PAGE) == set(modes.TABLE)


@pytest.mark.parametrize(("profiles", "flags"), PAGE)
def test_cell_with_each_alias(profiles: str, flags: str) -> None:
    for profile, flag in product(PROFILES[profiles], FLAGS[flags]):
        gate = modes.read(profile, flag)
        answers = zip(MODES, PAGE[profiles, flags], strict=True)
        for kind, answer in answers:
            told = {(profile, flag, mode): gate.answer(mode) for mode in MODES[kind]}
            assert set(told.values()) == {answer}, told
            assert gate.starts == (answer != "REFUSE_START")


def test_namespace_of_production_runs_nothing_else() -> None:
    assert not modes.read("staging", "off", "trading-prod").starts
    assert modes.read("production", "off", "trading-prod").starts
    assert modes.read("staging", "on", "trading-staging").starts


def _gated(mode: str, simulation: Simulation) -> Drive:
    drive = ready(mode=mode)
    drive.risk._simulation = simulation
    return drive


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_refused_account_neither_enters_nor_exits(side: str) -> None:
    drive = ready()
    drive.fill(drive.order(**LIMIT, client_order_id="held").order_id, 10, 5_000_000)
    drive.control(control.Account(account="a", mode="production"))
    refused = drive.order(**LIMIT, side=side, client_order_id="x")
    assert (refused.reason, refused.detail) == ("SIM_REFUSED", "account mode 'production'")
    assert (refused.mode, refused.mode_epoch) == ("", 1)


def test_production_account_is_simulated_where_the_flag_forces_it() -> None:
    drive = _gated("production", Simulation("staging", "on"))
    decision = drive.order(**LIMIT)
    assert (decision.outcome, decision.mode) == ("accepted", "sim")
    assert drive.accepted[decision.order_id].mode == "sim"


def test_mode_is_fixed_in_production() -> None:
    drive = _gated("sim", Simulation("production", "off"))
    with pytest.raises(Undecodable, match="the mode is fixed"):
        drive.control(control.Account(account="a", mode="production"))
    assert drive.order(**LIMIT).mode_epoch == 0


def test_command_of_another_mode_epoch_is_neither_answered_nor_done_again() -> None:
    drive = ready()
    drive.order(**LIMIT)
    for mode in ("production", "sim"):
        drive.control(control.Account(account="a", mode=mode))
    again = drive.order(**LIMIT)
    assert (again.outcome, again.reason) == ("rejected", "MODE_CHANGED")
    assert again.detail == "epoch 0, now 2"
    assert len(list(drive.tables.orders.items())) == 1
    other = drive.order(**LIMIT, client_order_id="c2")
    assert (other.outcome, drive.accepted[other.order_id].mode_epoch) == ("accepted", 2)


@pytest.mark.parametrize("command", [{"cmd": "cancel"}, {"cmd": "replace", "qty": "0.009"}])
def test_cancel_and_replace_of_another_epoch_are_refused_too(command: dict[str, Any]) -> None:
    drive = ready()
    drive.order(**LIMIT)
    drive.order(**command, target="c1", client_order_id="x")
    drive.control(control.Account(account="a", mode="production"))
    assert drive.order(**command, target="c1", client_order_id="x").reason == "MODE_CHANGED"


def test_same_record_again_is_no_new_epoch() -> None:
    drive = ready()
    drive.control(control.Account(account="a", mode="sim", taker_rate=1))
    drive.control(wide())
    assert drive.order(**LIMIT).mode_epoch == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"profile": ""},
        {"profile": "local"},
        {"profile": "prod", "simulation": "on"},
        {"profile": "staging", "simulation": "perhaps"},
        {"profile": "simulation", "namespace": "trading-prod"},
    ],
)
def test_worker_does_not_start_outside_the_gate(
    fields: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert int(run_worker(Settings.model_validate(fields))) == 78
    assert "no worker starts so" in capsys.readouterr().err
