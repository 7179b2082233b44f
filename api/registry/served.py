"""All that the registry has kept of what served when, for a replay of that time."""

from typing import NamedTuple

import psycopg

from agents.learner_tables import MODELS
from api.ending import Ended
from api.registry import aliases, versions
from streams.exits import Exit
from streams.predictions import Alias, ModelVersion


class Served(NamedTuple):
    """What the registry knows of the models of a replay: every version, and every change of what serves."""

    versions: tuple[ModelVersion, ...] = ()
    aliases: tuple[Alias, ...] = ()


NOTHING = Served()


async def recorded(url: str) -> Served:
    """All that the registry has kept; nothing where there is none. url: of its database, "" = none. Raises Ended."""
    if not url:
        return NOTHING
    try:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            found = [
                Served(
                    tuple(await versions.every(connection, model.name)),
                    tuple(await aliases.history(connection, model.name)),
                )
                for model in MODELS
            ]
    except psycopg.errors.UndefinedTable:
        return NOTHING
    except psycopg.OperationalError as error:
        raise Ended(Exit.SETTINGS, f"the registry does not answer: {error}") from error
    return Served(
        tuple(version for each in found for version in each.versions),
        tuple(alias for each in found for alias in each.aliases),
    )
