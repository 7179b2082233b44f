"""An inline version learned once more from its examples alone: what its state must be, and what one may start from."""

from collections.abc import Iterable, Mapping

from models import vectors
from models.online import versions
from models.online.adapter import Online
from streams.predictions import Example


def rebuild(
    version: str, examples: Iterable[Example], learned: Mapping[str, int]
) -> dict[str, Online]:
    """The version of each symbol after so many of its examples; learned: by symbol, how many.

    examples: of one model's inline lane, in the order of the log: for each symbol that of (known_at, t0). A scale that
    was begun anew on the way is not in them, so such a `pa` or `calib` comes to another state.
    """
    made = {symbol: versions.make(version, b"") for symbol in learned}
    for example in examples:
        online = made.get(example.symbol)
        if online is not None and online.learned < learned[example.symbol]:
            _learn(version, online, example)
    return made


def _learn(version: str, online: Online, example: Example) -> None:
    if example.y is None:
        return
    refused, values = vectors.refusal(example)
    if version not in versions.BASELINES and not vectors.is_learnable(refused, example.ready):
        return
    if version.startswith(versions.CALIB):
        base = version.removeprefix(versions.CALIB)
        p = next((each.p for each in example.outputs if each.version == base), None)
        if p is None:
            return
        values = versions.inputs(values, p)
    online.learn(values, example.y == 1, 1.0, example.known_at)
