"""Stores batches in a database as the sink does, and asks what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg

from sinks.history import History, Written
from streams.topics import Topic
from tests.sinks.messages import batch_of

Work = Callable[[History], Awaitable[Any]]


def with_history(url: str, work: Work) -> Any:
    """Runs `work` on a connected history."""

    async def run() -> Any:
        history = History(url)
        await history.connect()
        try:
            return await work(history)
        finally:
            await history.close()

    return asyncio.run(run())


def store(url: str, topic: Topic, messages: Sequence[object], first: int = 0) -> Written:
    async def work(history: History) -> Written:
        await history.claim([(topic.name, 0)])
        return await history.commit(batch_of(topic, messages, first=first))

    written: Written = with_history(url, work)
    return written


def select(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def next_of(url: str, topic: Topic) -> int:
    query = f"SELECT next FROM sink_offsets WHERE topic = '{topic.name}' AND partition = 0"
    return int(select(url, query)[0][0])


def read_again(url: str) -> None:
    """Let the sink begin anew, as after a restore of a database that had lost its offsets."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE sink_offsets SET next = 0")
