"""Examples as the learner emits them, of a made-up market, and a gate that has read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from models.gate.conditions import Facts
from models.gate.fold import follow, take_all
from models.gate.settings import GateSettings
from models.gate.state import GateState
from streams.ids import Ref
from streams.predictions import Alias, Answer, Example

MODEL = "up1s.micro.all"
SECOND_NS = 1_000_000_000
START = 1_000 * SECOND_NS
READY = Facts(predict_ms=0.1, parity_mismatches=0)

QUICK = GateSettings(
    labels_min=100, class_labels_min=30, event_s_min=60, calibration_labels_min=100,
    canary_s_min=20, canary_labels_min=20, auto_promote=True,
)  # fmt: skip


def alias(**changes: object) -> Alias:
    """`lin` serves from the beginning, `adam` and `qi` shadow."""
    plain = Alias(MODEL, 1, "lin", 0, "start", shadows=("adam", "qi"))
    return _replaced(plain, changes)


def _replaced(plain: Alias, changes: Mapping[str, object]) -> Alias:
    import msgspec

    return msgspec.structs.replace(plain, **changes)


def example(
    number: int,
    answers: Mapping[str, float | None],
    up: bool,
    *,
    symbol: str = "BTC",
    state: str = "labelled",
    r_bps: float = 1.0,
    cost_bps: float = 10.0,
    served: str = "lin",
    time: int | None = None,
    abstain: str = "warming_up",
) -> Example:
    """The example of second `number`, whose label was known a second later."""
    at = START + number * SECOND_NS if time is None else time
    return Example(
        prediction_id=f"{symbol}:{number}",
        symbol=symbol,
        model=MODEL,
        lane="inline",
        spec="",
        set_hash="",
        state=state,  # type: ignore[arg-type]  # one of the closed list
        time=at,
        known_at=at + SECOND_NS,
        elapsed_ns=SECOND_NS,
        mid2=100,
        ready=0,
        vector=b"",
        features_ref=Ref("features", 0, number),
        known_ref=Ref("features", 0, number + 1),
        y=int(up) if state == "labelled" else None,
        r_bps=(r_bps if up else -r_bps) if state in ("labelled", "flat") else None,
        version=served,
        p=answers.get(served),
        outputs=tuple(
            Answer(version, p, "" if p is not None else abstain) for version, p in answers.items()
        ),
        cost_bps=cost_bps,
    )


@dataclass(frozen=True)
class Market:
    """Outcomes that a version may know more or less of. truth: how far chances lie from a half.

    knows: what share of the truth each version's answer carries; noise: what it adds.
    """

    knows: Mapping[str, float]
    truth: float = 0.25
    noise: float = 0.02
    symbols: tuple[str, ...] = ("BTC", "ETH")

    def examples(self, draw: Random, count: int, first: int = 0) -> Iterator[Example]:
        """`count` seconds of every symbol."""
        repeat: dict[str, bool] = {}
        for number in range(first, first + count):
            for symbol in self.symbols:
                lean = self.truth * (1 if draw.random() < 0.5 else -1)
                up = draw.random() < 0.5 + lean
                answers: dict[str, float | None] = {
                    version: min(max(0.5 + share * lean + draw.gauss(0, self.noise), 0.01), 0.99)
                    for version, share in self.knows.items()
                }
                answers |= {"prior": 0.5, "no_change": 0.52 if repeat.get(symbol) else 0.48}
                repeat[symbol] = up
                yield example(number, answers, up, symbol=symbol)


BETTER = Market({"lin": 0.0, "adam": 1.0, "qi": 0.1})


def gate(
    market: Market = BETTER,
    seconds: int = 300,
    settings: GateSettings = QUICK,
    seed: int = 1,
    start: Alias | None = None,
) -> GateState:
    """A gate that has read so much of a market; symbols and costs are known from before."""
    state = GateState()
    follow(state, alias() if start is None else start, settings)
    draw = Random(seed)
    take_all(state, market.examples(draw, 5), settings)
    take_all(state, market.examples(draw, seconds, first=5), settings)
    return state


def all_ready(**changes: Facts) -> dict[str, Facts]:
    """Nothing against any version."""
    return dict.fromkeys(("lin", "adam", "qi", "prior"), READY) | changes


def strict(**changes: object) -> GateSettings:
    """The quick gate with some settings otherwise."""
    return replace(QUICK, **changes)  # type: ignore[arg-type]  # names and types are the caller's
