"""Bytes on the wire and back; every decoder raises `Undecodable` and nothing else."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

M = TypeVar("M")


class Undecodable(ValueError):
    """The bytes of a record cannot be used; the record goes to `dead.letters` under `reason`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:200]


encode: Callable[[object], bytes] = msgspec.json.Encoder(decimal_format="string").encode
"""JSON bytes of a message; the same bytes for the same message, always."""


def json_decoder(message: type[M]) -> Callable[[bytes], M]:
    """A strict JSON decoder of one message type."""
    decode = msgspec.json.Decoder(message).decode

    def checked(data: bytes) -> M:
        try:
            return decode(data)
        except msgspec.DecodeError as error:  # also its child ValidationError
            raise Undecodable(_reason(error), str(error)) from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise Undecodable("NOT_JSON", str(error)) from error

    return checked


def _reason(error: msgspec.DecodeError) -> str:
    return "BAD_FIELD" if isinstance(error, msgspec.ValidationError) else "NOT_JSON"
