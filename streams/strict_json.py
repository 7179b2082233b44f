"""JSON that people and foreign programs write, read by rules that leave nothing to guess; below orders and control."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from streams.codec import Undecodable

DEPTH_MAX = 4
BYTES_MAX = 8 * 1024
INT_DIGITS_MAX = 15
"""A longer number is no count or version of ours; it stays text and no field takes it."""

SHORT: int = 10 ** (INT_DIGITS_MAX - 1)
"""Below it a number and its sign are short enough."""

_BOM = b"\xef\xbb\xbf"
_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True)
class Number:
    """A number token that is no short integer; kept as text, since as a float it would have changed."""

    text: str


def load(data: bytes) -> dict[str, Any]:
    """The one JSON object in `data`: short integers as int, every other number as `Number`.

    Raises `Undecodable` with TOO_LARGE, NOT_UTF8, NOT_JSON, TOO_DEEP, DUPLICATE_KEY or NOT_AN_OBJECT.
    """
    if len(data) > BYTES_MAX:
        raise Undecodable("TOO_LARGE", f"{len(data)} bytes, at most {BYTES_MAX}")
    plain = _plain(data)
    return carefully(data) if plain is None else plain


def carefully(data: bytes) -> dict[str, Any]:
    """As `load`, of data that are not too large, in all cases."""
    if data.startswith(_BOM):
        raise Undecodable("NOT_UTF8", "a byte order mark")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Undecodable("NOT_UTF8", str(error)) from error
    _check_depth(data)
    try:
        tree = _DECODER.decode(text)
    except ValueError as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable("NOT_JSON", str(error)) from error
    if not isinstance(tree, dict):
        raise Undecodable("NOT_AN_OBJECT", f"a {type(tree).__name__} at the top")
    return tree


def canonical(tree: dict[str, Any]) -> bytes:
    """One spelling of a parsed object: sorted keys, no spaces; for digests."""
    try:
        return _SORTED.encode(tree)
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(tree, sort_keys=True, separators=(",", ":"), default=asdict).encode()


def printable(text: str) -> str:
    """ASCII of foreign text, short enough for a record that names it."""
    return text[:120].encode("ascii", "backslashreplace").decode()[:200]


def _plain(data: bytes) -> dict[str, Any] | None:
    """The object, where a fast parser's reading of it is beyond doubt; None where it takes a careful one.

    A tree that spells exactly the same bytes again, but for the spaces that writers of JSON commonly put, has lost no
    key to a duplicate and no digit of a number.
    """
    try:
        tree = msgspec.json.decode(data)
        spelled = msgspec.json.encode(tree)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if type(tree) is not dict or not _is_plain(tree, DEPTH_MAX):
        return None
    if spelled != data and spelled != data.replace(b'": ', b'":').replace(b', "', b',"'):
        return None
    return tree


def _is_plain(tree: dict[str, Any], depth: int) -> bool:
    """Objects of strings, booleans, nulls and short integers, no deeper than allowed."""
    for value in tree.values():
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int and -SHORT < value < SHORT:
            continue
        if kind is dict and depth > 1 and _is_plain(value, depth - 1):
            continue
        return False
    return True


def _check_depth(data: bytes) -> None:
    """Counted on the bytes, before a parser that recurses sees them."""
    if data.count(b"{") + data.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for token in _STRINGS_AND_BRACKETS.findall(data):
        if token in (b"{", b"["):
            depth += 1
            if depth > DEPTH_MAX:
                raise Undecodable("TOO_DEEP", f"more than {DEPTH_MAX} levels")
        elif token in (b"}", b"]"):
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise Undecodable("DUPLICATE_KEY", printable(twice))
    return tree


def _integer(text: str) -> int | Number:
    return Number(text) if len(text) > INT_DIGITS_MAX or text == "-0" else int(text)


def _constant(text: str) -> None:
    raise Undecodable("NOT_JSON", f"{text} is not JSON")


_SORTED = msgspec.json.Encoder(order="sorted")
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Number,
    parse_int=_integer,
    parse_constant=_constant,
)
