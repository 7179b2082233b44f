"""Known histories: the engine against its naive twin, the same ones in every run, so that a mutant meets them too."""

import pytest

from tests.broker.test_twin import compare


@pytest.mark.parametrize("seed", range(80))
def test_engine_and_naive_twin_agree_on_a_known_history(seed: int) -> None:
    compare(seed)
