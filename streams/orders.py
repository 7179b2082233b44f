"""Commands on `orders`: bytes in, one addressable command out, or why it is none, by the contract in `contract`."""

import hashlib
import re
from typing import Any

import msgspec
from pydantic import ValidationError

from streams import instants, strict_json
from streams.codec import Undecodable
from streams.contract import (
    ALL_ORDERS,
    ID,
    NAME,
    PROTECTION_BPS,
    Bracket,
    Cancel,
    Command,
    New,
    Replace,
    StopLoss,
    TakeProfit,
)
from streams.instants import time_text
from streams.strict_json import printable

__all__ = [
    "ALL_ORDERS",
    "ID",
    "PROTECTION_BPS",
    "Bracket",
    "Cancel",
    "Command",
    "New",
    "Parsed",
    "Replace",
    "StopLoss",
    "TakeProfit",
    "decode",
    "encode",
    "time_text",
]

_ID = re.compile(NAME)
_MODELS: dict[str, type[Command]] = {"new": New, "cancel": Cancel, "replace": Replace}


class Parsed(msgspec.Struct, frozen=True):
    """An addressable command: who sent it under which id, its digest, and the command or why it is refused.

    digest: sha256 of the parsed tree with sorted keys. reason: "" for a good command, else the reason code.
    created_at, expire_at: ns, 0 where unreadable or absent. raw: the record's bytes, for a partition that has to send
    them on.
    """

    account: str
    client_order_id: str
    digest: str
    command: Command | None
    reason: str = ""
    detail: str = ""
    created_at: int = 0
    expire_at: int = 0
    raw: bytes = b""


def encode(command: Command) -> bytes:
    """JSON bytes of a command, for those who send one."""
    return command.model_dump_json(exclude_none=True).encode()


def decode(data: bytes) -> Parsed:
    """The command in the bytes of one record; `codec.Undecodable` when it is not addressable."""
    tree = strict_json.load(data)
    account, client_order_id = _id(tree, "account"), _id(tree, "client_order_id")
    digest = hashlib.sha256(strict_json.canonical(tree)).hexdigest()
    try:
        command = _command(tree)
        created_at = _time("created_at", command.created_at)
        expire_at = 0
        if isinstance(command, New) and command.expire_at is not None:
            expire_at = _time("expire_at", command.expire_at)
    except _Refused as refused:
        return Parsed(
            account, client_order_id, digest, None, refused.reason, printable(refused.detail), raw=data
        )  # fmt: skip
    return Parsed(
        account,
        client_order_id,
        digest,
        command,
        created_at=created_at,
        expire_at=expire_at,
        raw=data,
    )


class _Refused(Exception):
    """Addressable, but no command of this contract; never leaves `decode`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def _id(tree: dict[str, Any], name: str) -> str:
    value = tree.get(name)
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Undecodable("NO_ID", f"no valid {name}")
    return value


def _time(name: str, text: str) -> int:
    try:
        return instants.nanoseconds(text)
    except ValueError as error:
        raise _Refused("BAD_TIME", f"{name} {text}: {error}") from error


def _command(tree: dict[str, Any]) -> Command:
    version, name = tree.get("v"), tree.get("cmd")
    if type(version) is not int or version != 1:  # True == 1, so the type is asked for
        raise _Refused("BAD_VERSION", "v must be 1")
    if not isinstance(name, str):
        raise _Refused("BAD_FIELD", "cmd")
    if name not in _MODELS:
        raise _Refused("UNKNOWN_COMMAND", f"cmd {name} is not served")
    try:
        return _MODELS[name].model_validate(tree)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> _Refused:
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _Refused("UNKNOWN_FIELD", path)
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        if path == "type":
            return _Refused("UNKNOWN_TYPE", f"type {first['input']} is not served")
        if path == "tif":
            return _Refused("UNKNOWN_TIF", f"tif {first['input']} is not served")
    return _Refused("BAD_FIELD", f"{path}: {first['msg']}")
