"""A strategy is named on the command line; what cannot be had is refused in a sentence, before anything starts."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.strategies import Reversion, Signal
from agents.strategies.load import StrategyRefused, load, parse
from api.cli import app
from streams.exits import Exit
from tests.strategy.own import Counter, Silent

OWN = "tests.strategy.own"


def test_shipped_strategies_have_names_and_parameters() -> None:
    loaded = load("signal", {"theta_long": "0.6", "short": "true", "notional": "500"})
    assert loaded == ("signal", Signal(theta_long=0.6, short=True, notional=500))
    assert load("reversion", {"hold_s": "5"}) == ("reversion", Reversion(hold_s=5.0))
    assert load("none", {}) is None


def test_an_own_strategy_is_named_by_module_and_class() -> None:
    assert load(f"{OWN}:Counter", {"below": "7"}) == ("Counter", Counter(below=7))
    loaded = load(f"{OWN}:Silent", {})
    assert loaded is not None and isinstance(loaded.strategy, Silent)


def test_an_own_module_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from agents.strategies import Memory, Strategy\nclass Quiet(Strategy[Memory]): ...\n"
    (tmp_path / "quiet_module.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path.parent))
    loaded = load("quiet_module:Quiet", {})
    assert loaded is not None and loaded.name == "Quiet"


@pytest.mark.parametrize(
    ("spec", "params", "sentence"),
    [
        ("sinal", {}, "no strategy 'sinal'; there are none, signal, reversion"),
        ("no.such.module:My", {}, "no.such.module cannot be imported: ModuleNotFoundError"),
        (f"{OWN}:Missing", {}, f"{OWN}:Missing is not a class that is a Strategy"),
        (f"{OWN}:NotOne", {}, "is not a class that is a Strategy"),
        (f"{OWN}:MINUTE_NS", {}, "is not a class that is a Strategy"),
        (":Counter", {}, "no strategy ':Counter'"),
        ("signal", {"thetalong": "1"}, "signal has no parameter thetalong; it has: cooldown_s"),
        ("signal", {"notional": "much"}, "signal: parameter notional: Input should be"),
        (f"{OWN}:Silent", {"qty": "1"}, "has no parameter qty; it has: none"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(
    spec: str, params: Mapping[str, str], sentence: str
) -> None:
    with pytest.raises(StrategyRefused) as refused:
        load(spec, params)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("words", ["notional", "=5", "a b=1"])
def test_a_parameter_has_a_name_and_a_value(words: str) -> None:
    with pytest.raises(StrategyRefused, match="is no parameter"):
        parse(words)


def test_parameters_are_read_as_the_worker_gets_them() -> None:
    assert parse("notional=500,short=true") == {"notional": "500", "short": "true"}
    assert parse("") == {}


def test_up_refuses_an_unknown_strategy_before_it_starts_anything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told = CliRunner().invoke(app, ["up", "--strategy", "sinal", "--data", str(data)])
    assert told.exit_code == Exit.USAGE
    assert not data.exists()
