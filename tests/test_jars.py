"""The cache of jars: filled once, whole or not at all, and used without the network from then on."""

import threading
import time
from pathlib import Path

import pytest

from streams import jars
from streams.processes import LocalPartError

COORDINATES = "org.example:broker:1.0"


class Resolver:
    """Stands for the network: fails a number of times, then makes one jar."""

    def __init__(self, failures: int = 0) -> None:
        self.calls = 0
        self.failures = failures

    def __call__(self, coordinates: str, folder: Path) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise RuntimeError(f"{coordinates} not found")
        time.sleep(0.05)
        folder.mkdir()
        (folder / "broker-1.0.jar").touch()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def resolve(progress: list[str]) -> Path:
    return jars.jars_of(COORDINATES, part="Broker", progress=progress.append)


def test_jars_are_resolved_once_and_then_used_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, progress = Resolver(), list[str]()
    monkeypatch.setattr(jars, "_resolve", resolver)
    first = resolve(progress)
    assert [jar.name for jar in first.iterdir()] == ["broker-1.0.jar"]
    assert resolve(progress) == first
    assert resolver.calls == 1
    assert progress == ["Broker: resolving jars (the first time only, 45 MB)"]


def test_two_starts_at_once_resolve_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    monkeypatch.setattr(jars, "_resolve", resolver)
    starts = [threading.Thread(target=resolve, args=([],)) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert resolver.calls == 1


def test_a_failed_download_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(failures=jars.TRIES_MAX - 1)
    monkeypatch.setattr(jars, "_resolve", resolver)
    assert (resolve([]) / "broker-1.0.jar").exists()


def test_jars_that_cannot_be_had_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(failures=jars.TRIES_MAX)
    monkeypatch.setattr(jars, "_resolve", resolver)
    with pytest.raises(
        LocalPartError, match=f"Broker: its jars .{COORDINATES}. cannot be resolved"
    ):
        resolve([])
    assert resolver.calls == jars.TRIES_MAX


def test_an_interrupted_download_is_cleared_away_and_never_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = tmp_path / "headrace" / "jars" / "resolving-1" / "jars"
    left.mkdir(parents=True)
    (left / "half.jar").touch()

    class Unreachable:
        """Stands for the resolver without a network."""

        def __init__(self, *_arguments: object, **_options: object) -> None:
            raise OSError("no network")

    monkeypatch.setattr("jgo.env.EnvironmentBuilder", Unreachable)
    with pytest.raises(LocalPartError, match="no network"):
        resolve([])
    assert sorted(path.name for path in (tmp_path / "headrace" / "jars").iterdir()) == ["lock"]
