"""A what-if run swaps models where the aliases say, or is pinned to one version."""

import asyncio
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from agents.learner_tables import MODELS
from api import cli
from api.ending import Ended
from api.registry.served import NOTHING, Served
from api.replay import manifest, switches
from api.replay.manifest import Manifest
from api.replay.market_files import MarketFiles
from api.replay.whatif import Run
from streams import topics
from streams.feeds import reference
from streams.feeds.synthetic import rounds
from streams.predictions import Alias, Prediction

FAST, SLOW = (model.name for model in MODELS)
INSTRUMENT = next(i for i in reference.SIMULATED if i.symbol == "LTC/USD.SIM")
SECONDS = 6


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("market")
    with MarketFiles(directory, {INSTRUMENT.symbol: INSTRUMENT}) as out:
        for events in islice(rounds(7, 1_000, instruments=(INSTRUMENT,)), SECONDS):
            out.write(events)
    return directory


def predictions(market: Path, *aliases: Alias) -> list[Prediction]:
    plan = Manifest(run="t", partitions=2, generation=1, path=str(market), aliases=aliases)

    async def run() -> list[Prediction]:
        return [
            topics.PREDICTIONS.decode(written.value or b"")
            async for batch in Run(plan, None).batches()
            for stream, written in batch
            if stream.topic == topics.PREDICTIONS.name
        ]

    return asyncio.run(run())


def served(found: list[Prediction], model: str, lane: str = "inline") -> list[str]:
    return [each.served.version for each in found if (each.model, each.lane) == (model, lane)]


def test_a_replay_swaps_models_at_the_vector_that_the_alias_names(market: Path) -> None:
    plain = predictions(market)
    assert set(served(plain, FAST)) == {"lin"}
    times = sorted(each.time for each in plain if each.model == FAST)
    first, middle, last = times[0], times[len(times) // 2], times[-1]
    swapped = predictions(
        market,
        Alias(FAST, 1, "prior", 0, "start"),
        Alias(FAST, 3, "no_change", last, "rollback"),
        Alias(FAST, 2, "qi", middle, "promote"),
    )
    for each in swapped:
        at = "prior" if each.time < middle else "qi" if each.time < last else "no_change"
        assert each.served.version == (at if each.model == FAST else "lin")
        assert each.flags == (), "no alias is late"
    assert first < middle < last


def test_a_heavy_version_serves_a_replay_from_its_own_lane(market: Path) -> None:
    found = predictions(market, Alias(FAST, 1, "nb", 0, "start"))
    assert set(served(found, FAST)) == {""}
    assert set(served(found, FAST, "heavy")) == {"nb"}


def test_a_pinned_version_takes_the_place_of_all_that_served(market: Path, tmp_path: Path) -> None:
    words = ["replay", "--run", "pinned", "--path", str(market), "--data", str(tmp_path)]
    done = CliRunner().invoke(cli.app, [*words, "--model", f"{FAST}=qi"])
    assert done.exit_code == 0, done.output
    plan = manifest.read(tmp_path / "replays" / "pinned")
    assert plan is not None
    assert [(each.model, each.champion, each.effective_from) for each in plan.aliases] == [
        (FAST, "qi", 0)
    ]
    was = Served(aliases=(Alias(FAST, 4, "lin", 0, "start"), Alias(SLOW, 2, "prior", 0, "start")))
    both = switches.pinned(was, [f"{FAST}=qi"]).aliases
    assert [(each.model, each.champion) for each in both] == [(SLOW, "prior"), (FAST, "qi")]


@pytest.mark.parametrize("word", ["up9s.micro.all=lin", f"{FAST}=v0", FAST, "=lin"])
def test_what_cannot_be_pinned_is_refused(word: str) -> None:
    with pytest.raises(Ended):
        switches.pinned(NOTHING, [word])


def test_a_manifest_keeps_what_served(tmp_path: Path) -> None:
    plan = Manifest(run="t", partitions=2, generation=1, aliases=(Alias(FAST, 1, "qi", 5, "hold"),))
    manifest.write(tmp_path, plan)
    assert msgspec.to_builtins(manifest.read(tmp_path)) == msgspec.to_builtins(plan)
