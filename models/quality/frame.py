"""Training's way in: one call that says whether a frame may be learned from."""

from collections.abc import Mapping
from pathlib import Path

from models.quality.constraints import Column
from models.quality.training import TrainingRules
from models.quality.validator import TIMEOUT_S, Validator
from models.quality.verdict import Verdict


def validate_frame(
    columns: Mapping[str, Column],
    rules: TrainingRules,
    *,
    name: str = "training",
    docs: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Verdict:
    """Check a training frame fast, then with Great Expectations in a process that ends with the call (6 to 8 s).

    columns: one array each, float64 for the features in order, then `training.GIVEN`: symbol (text), t0 and known_at
    (int64 ns), y (int64), w (float64), set_hash (text). docs: folder for the page on it. A verdict that is not `valid`
    says why in `reason`; a missing package, a crash or a time-out is one.
    """
    with Validator(docs, timeout_s=timeout_s) as validator:
        return validator.validate(name, columns, rules)
