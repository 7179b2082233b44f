"""The routes of a system as its settings want them; for the composition roots."""

from agents.cells import NO_SCORERS
from agents.group import Group
from agents.learner_tables import NO_WATCH, Watch
from agents.routes import HEAVY_GROUP, heavy, routes
from agents.scorers import LoadedScorers
from agents.strategies.load import parse
from models.serving import Scorers
from streams.settings import Settings


def groups(
    settings: Settings, scorers: Scorers = NO_SCORERS, watch: Watch = NO_WATCH
) -> tuple[Group, ...]:
    """All groups. Raises StrategyRefused for a strategy that cannot be had."""
    return routes(
        settings.partitions,
        settings.generation,
        settings.strategy,
        settings.strategy_account,
        parse(settings.strategy_params),
        settings.gate,
        settings.two_person_release,
        scorers,
        watch,
    )


def everything(settings: Settings) -> tuple[Group, ...]:
    """All groups and the heavy lane, for whoever replays what was run. Raises StrategyRefused."""
    return (*groups(settings, LoadedScorers(settings, waits=True)), heavy())


def of_worker(settings: Settings, watch: Watch = NO_WATCH) -> tuple[tuple[Group, ...], str]:
    """The groups that one worker runs, and its app. Raises StrategyRefused.

    The heavy lane reads what the learner reads, so it is a worker alone and a consumer group of its own.
    """
    wanted = settings.only.split(",") if settings.only else []
    if wanted == [HEAVY_GROUP]:
        return (heavy(watch),), f"{settings.app}-heavy"
    every = groups(settings, LoadedScorers(settings), watch)
    chosen = tuple(group for group in every if not wanted or group.name in wanted)
    return chosen, settings.app
