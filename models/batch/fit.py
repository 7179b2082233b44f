"""Fits LightGBM trees and a logistic regression: the same rows and settings give the same bytes."""

import numpy as np

from models.batch import scorer
from models.batch.config import Config
from models.batch.frame import Frame
from models.batch.prepare import Prepared, clipped
from models.batch.scorer import LIGHTGBM, LOGISTIC, MODEL_JSON, MODEL_TEXT, Weights, encoded, hexes

ALGORITHMS = (LIGHTGBM, LOGISTIC)
LOGISTIC_STEPS_MAX = 1_000
LOGISTIC_TOLERANCE = 1e-8


def fit(
    algorithm: str,
    names: tuple[str, ...],
    train: Frame,
    validation: Frame,
    prepared: Prepared,
    config: Config,
) -> dict[str, bytes]:
    """The model file of a version, by its name."""
    if algorithm == LIGHTGBM:
        return {MODEL_TEXT: _trees(names, train, validation, prepared, config)}
    return {MODEL_JSON: _logistic(train, prepared, config)}


def importance(algorithm: str, names: tuple[str, ...], files: dict[str, bytes]) -> dict[str, float]:
    """How much each feature matters: the gain of the splits on it, or the size of its weight. Largest first."""
    if algorithm == LIGHTGBM:
        found = scorer.booster(files[MODEL_TEXT].decode()).feature_importance("gain")
        sizes = [float(gain) for gain in found]
    else:
        sizes = [abs(weight) for weight in scorer.weights(files[MODEL_JSON])[0]]
    return dict(sorted(zip(names, sizes, strict=True), key=lambda each: -each[1]))


def _trees(
    names: tuple[str, ...], train: Frame, validation: Frame, prepared: Prepared, config: Config
) -> bytes:
    """One thread, so that no sum depends on which of two came first."""
    scorer.load_lightgbm()
    import lightgbm

    trees = config.trees
    settings = {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": trees.leaves,
        "learning_rate": trees.rate,
        "min_data_in_leaf": trees.leaf_rows_min,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": config.seed,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(
        clipped(train.x, prepared.clip), train.y, weight=prepared.weight, feature_name=list(names)
    )
    held = lightgbm.Dataset(clipped(validation.x, prepared.clip), validation.y, reference=rows)
    stop = lightgbm.early_stopping(trees.patience, verbose=False)
    model = lightgbm.train(settings, rows, trees.rounds_max, valid_sets=[held], callbacks=[stop])
    return model.model_to_string(num_iteration=model.best_iteration).encode()


def _logistic(train: Frame, prepared: Prepared, config: Config) -> bytes:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    mean, deviation = np.array(prepared.mean), np.array(prepared.deviation)
    scaled = (clipped(train.x, prepared.clip) - mean) / deviation
    model = LogisticRegression(C=1 / config.l2, max_iter=LOGISTIC_STEPS_MAX, tol=LOGISTIC_TOLERANCE)
    with threadpool_limits(limits=1):
        model.fit(scaled, train.y, sample_weight=prepared.weight)
    found = Weights(hexes(model.coef_[0]), float(model.intercept_[0]).hex())
    return encoded(found)
