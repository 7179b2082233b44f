"""The routes of a system as its settings want them; for the composition roots."""

from agents.group import Group
from agents.routes import routes
from agents.strategies.load import parse
from streams.settings import Settings


def groups(settings: Settings) -> tuple[Group, ...]:
    """All groups. Raises StrategyRefused for a strategy that cannot be had."""
    return routes(
        settings.partitions,
        settings.generation,
        settings.strategy,
        settings.strategy_account,
        parse(settings.strategy_params),
        settings.gate,
        settings.two_person_release,
    )
