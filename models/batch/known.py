"""What a model's name says: label . feature set . group of symbols."""

from models import bars, features, labels
from models.batch.frame import FeatureSet
from models.labels import LabelSpec


class UnknownModel(Exception):
    """No label or feature set of that name."""


def features_of(model: str) -> FeatureSet:
    """The feature set that a model reads. Raises UnknownModel."""
    name = _parts(model)[1]
    if name == features.NAME:
        clip = tuple((feature.low, feature.high) for feature in features.FEATURES)
        return FeatureSet(name, features.SET_HASH, features.NAMES, features.READY_SOON, clip)
    if name == bars.NAME:
        clip = tuple((feature.low, feature.high) for feature in bars.FEATURES)
        return FeatureSet(name, bars.SET_HASH, bars.NAMES, bars.READY_ALL, clip)
    raise UnknownModel(f"{model}: no feature set {name}")


def spec_of(model: str) -> LabelSpec:
    """The label that a model foretells. Raises UnknownModel."""
    name = _parts(model)[0]
    if name in labels.SPECS:
        return labels.SPECS[name]
    raise UnknownModel(f"{model}: no label {name}")


def _parts(model: str) -> list[str]:
    parts = model.split(".")
    if len(parts) != 3:
        raise UnknownModel(f"{model!r} is not label.set.group, such as up1s.micro.all")
    return parts
