"""What served when: the registry's versions and aliases as records of a what-if run, each in time to be in force."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from agents.backtest import Source
from agents.handler import LogRecord
from agents.learner_tables import MODELS
from api.ending import Ended
from api.registry.served import Served
from models.mixture import MIX
from models.online.versions import ALL, CALIB, HEAVY
from streams import codec, topics
from streams.exits import Exit
from streams.predictions import Alias

NS_PER_MS = 1_000_000


def pinned(served: Served, words: Sequence[str]) -> Served:
    """With `MODEL=VERSION` of each word in charge from the beginning to the end. Raises Ended."""
    found = served
    for word in words:
        model, _, version = word.partition("=")
        known = {each.version for each in served.versions if each.model == model}
        if model not in {each.name for each in MODELS}:
            names = ", ".join(each.name for each in MODELS)
            raise Ended(Exit.USAGE, f"{word!r} names no model; there are {names}")
        if version.removeprefix(CALIB) not in {*ALL, MIX, *known}:
            raise Ended(Exit.USAGE, f"{model} has no version {version!r}")
        others = tuple(alias for alias in found.aliases if alias.model != model)
        found = found._replace(aliases=(*others, _in_charge(model, version)))
    return found


def is_heavy(served: Iterable[Alias]) -> bool:
    """Whether one of them needs the heavy lane."""
    return any(
        version in HEAVY
        for alias in served
        for version in (alias.champion, alias.challenger, *alias.shadows)
    )


async def inserted(
    batches: AsyncIterator[list[Source]], served: Served
) -> AsyncIterator[list[Source]]:
    """The batches of a source, with each of `served` before the first record that it may be in force for."""
    waiting = [*_sources(served)]
    waiting.reverse()
    async for batch in batches:
        made: list[Source] = []
        for source in batch:
            while waiting and waiting[-1].record.timestamp < source.record.timestamp:
                made.append(waiting.pop())
            made.append(source)
        yield made


def _sources(served: Served) -> Iterator[Source]:
    """The versions, of time 0, then the aliases, each of the millisecond before its own."""
    for offset, version in enumerate(served.versions):
        key = version.model.encode()
        record = LogRecord(offset, 0, key, codec.encode(version))
        yield Source(topics.REGISTRY.name, 0, record)
    by_time = sorted(served.aliases, key=lambda each: (each.effective_from, each.epoch))
    for offset, alias in enumerate(by_time):
        time_ms = max(0, alias.effective_from // NS_PER_MS - 1)
        record = LogRecord(offset, time_ms, alias.model.encode(), codec.encode(alias))
        yield Source(topics.ALIAS.name, 0, record)


def _in_charge(model: str, version: str) -> Alias:
    others = (version.removeprefix(CALIB),) if version.startswith(CALIB) else ()
    return Alias(model, 1, version, 0, "start", shadows=others, by="replay", reason="pinned")
