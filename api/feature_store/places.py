"""The stores that a command means: those of the running system, or of one replay."""

from api.ending import Ended
from models.feature_store.place import Place, PlaceRefused, live, of_replay
from streams.exits import Exit
from streams.settings import Settings
from streams.stores import filled


def find(settings: Settings, run: str = "", database: int | None = None) -> Place:
    """Ends the command where these stores may not be used. Feast takes a password only as text, once."""
    try:
        system = live(settings.app, filled(settings.postgres_url), filled(settings.redis_url))
        if not run and database is None:
            return system
        if not run or database is None:
            raise PlaceRefused("a replay needs both --replay and --redis-database")
        return of_replay(system, run, database)
    except PlaceRefused as refused:
        raise Ended(Exit.SETTINGS, str(refused)) from refused
