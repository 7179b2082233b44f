"""Ends a command with a sentence and an exit code in place of a stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)
from pydantic import ValidationError
from rich.console import Console

from streams.exits import Exit

_DENIED = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Ended(Exception):
    """A command that cannot go on, as a sentence for a person and the exit code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@contextmanager
def plainly() -> Iterator[None]:
    """Turns the failures that a person can mend into sentences."""
    try:
        yield
    except Ended as ended:
        raise _exit(ended.code, ended.sentence) from ended
    except KafkaConnectionError as error:
        sentence = (
            f"no broker answers ({error}); is `headrace up` running here? See --brokers and --data"
        )
        raise _exit(Exit.NO_BROKER, sentence) from error
    except (UnknownTopicOrPartitionError, LookupError) as error:
        raise _exit(Exit.CHECK_FAILED, f"{error}; run `headrace topics apply`") from error
    except _DENIED as error:
        sentence = f"this principal may not: {error!r}; `headrace topics acl` shows who may what"
        raise _exit(Exit.CHECK_FAILED, sentence) from error
    except KafkaError as error:
        raise _exit(Exit.TRANSACTION, f"Kafka refused: {error!r}") from error


def _exit(code: int, sentence: str) -> typer.Exit:
    errors.print(sentence, style="red", markup=False)
    return typer.Exit(int(code))


def invalid(error: ValidationError) -> str:
    """What is wrong with a record, one field a clause."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_url=False)
    )
