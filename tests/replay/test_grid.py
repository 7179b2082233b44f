"""A sweep runs every combination, ranks them, and tells luck from skill as far as that can be told."""

import random
from pathlib import Path

import pytest

from api.ending import Ended
from api.replay import grid
from api.replay.grid import Trial

CHANCE = random.Random(5)


def trial(name: str, returns: list[float]) -> Trial:
    return Trial(
        {"name": name}, tuple(range(len(returns))), tuple(returns), {"profit": sum(returns)}
    )


def noise(count: int = 400) -> list[float]:
    return [CHANCE.gauss(0.0, 0.01) for _ in range(count)]


def test_a_grid_is_every_combination_of_its_values(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text("notional = [500, 1000]\ntheta_long = [0.55, 0.6, 0.7]\n")
    combinations = grid.load(path)
    assert len(combinations) == 6
    assert combinations[0] == {"notional": "500", "theta_long": "0.55"}
    same = tmp_path / "grid.yaml"
    same.write_text("notional: [500, 1000]\ntheta_long: [0.55, 0.6, 0.7]\n")
    assert grid.load(same) == combinations
    path.write_text("notional = 5\n")
    with pytest.raises(Ended, match="is no grid"):
        grid.load(path)


def test_the_best_comes_first_and_skill_deflates_less_than_luck() -> None:
    lucky = [trial(str(number), noise()) for number in range(40)]
    skilled = trial("skilled", [each + 0.003 for each in noise()])
    by_luck, by_skill = grid.judged(lucky, 3), grid.judged([*lucky, skilled], 3)
    assert by_skill["trials"][0]["params"] == {"name": "skilled"}
    assert by_skill["deflated_sharpe"] > 0.95
    assert by_luck["deflated_sharpe"] < 0.9


def test_walking_forward_chooses_on_the_past_and_counts_the_future() -> None:
    wins = [0.01, 0.02] * 50
    early = trial("early", wins + [-each for each in wins])
    steady = trial("steady", [0.002, 0.001] * 100)
    found = grid.walk_forward([early, steady], folds=1)
    (fold,) = found["folds"]
    best_before = max((early, steady), key=lambda each: each.sharpe(slice(0, 100)))
    assert fold["params"] == best_before.params
    assert fold["sharpe_out"] == best_before.sharpe(slice(100, 200))


def test_trials_that_never_trade_are_worth_nothing() -> None:
    found = grid.judged([trial("a", [0.0] * 30), trial("b", [0.0] * 30)], 2)
    assert found["deflated_sharpe"] is None
    assert found["walk_forward"]["sharpe_out"] is None
    assert [*grid.shown(found, 5)]
