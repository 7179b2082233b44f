"""Finds the system that a command talks to: named on the command line, in the environment, or running here."""

from pathlib import Path
from typing import Annotated

import typer

from api.supervisor import directory
from streams.settings import Settings

Brokers = Annotated[
    str | None,
    typer.Option(help="Kafka bootstrap servers; else HEADRACE_BROKERS, else the running `up`."),
]
Data = Annotated[
    Path | None, typer.Option(help="Data directory of the running `up` (HEADRACE_DATA, .headrace).")
]


def settings(brokers: str | None = None, data: Path | None = None) -> Settings:
    """The settings of a command, with what it was given and what runs on the data directory filled in."""
    given = Settings()
    if data is not None:
        given = given.model_copy(update={"data": data})
    run = directory.running(given.data)
    found: dict[str, object] = {}
    if run is not None and "brokers" not in given.model_fields_set:
        found = {
            "app": run.app,
            "brokers": run.brokers,
            "partitions": run.partitions,
            "postgres_url": run.postgres_url,
            "redis_url": run.redis_url,
            "strategy": run.strategy,
            "strategy_params": run.strategy_params,
            "strategy_account": run.strategy_account,
            "promotion": run.promotion,
        }
    if brokers is not None:
        found = {"brokers": given.at(brokers)}
    return given.model_copy(update=found)
