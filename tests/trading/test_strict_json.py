"""The fast reading of JSON is the careful one: for every text it gives the same tree, or leaves it to the other."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import strict_json
from streams.codec import Undecodable

KEYS = st.sampled_from(["a", "b", "qty", ": ", ', "', "é", "\ud800", '"'])
LEAVES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(['": "', ', "', "\\", "\u2028", "\ud800", "1e5"]),
    st.integers(-(10**16), 10**16),
    st.sampled_from([10**14, 10**14 - 1, -(10**14), 10**20, -(10**15), 0]),
    st.booleans(),
    st.none(),
    st.floats(),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", ": "), (",\n", ":")])
EDITS = st.sampled_from(
    [
        lambda text: text,
        lambda text: text + " ",
        lambda text: text.replace("}", ',"a":1}', 1),
        lambda text: text.replace("}", ', "b" :1}', 1),
        lambda text: text.replace("0", "-0", 1),
        lambda text: text.replace("1", "1.0", 1),
        lambda text: text.replace("a", "\\u0061", 1),
        lambda text: text[:-1],
        lambda text: "\ufeff" + text,
    ]
)


def _outcome(read: Any, data: bytes) -> Any:
    try:
        return repr(read(data))
    except Undecodable as refused:
        return refused.reason


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=4), SEPARATORS, st.booleans(), EDITS)
def test_fast_and_careful_reading_agree(
    tree: dict[str, Any], separators: tuple[str, str], ascii: bool, edit: Any
) -> None:
    text = edit(json.dumps(tree, separators=separators, ensure_ascii=ascii))
    data = text.encode(errors="surrogatepass")
    assert _outcome(strict_json.load, data) == _outcome(strict_json.carefully, data)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_digest_does_not_depend_on_the_order_of_keys(tree: dict[str, Any]) -> None:
    turned = dict(reversed(tree.items()))
    assert strict_json.canonical(tree) == strict_json.canonical(turned)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_what_writers_of_json_commonly_send_is_read_fast(separators: tuple[str, str]) -> None:
    tree = {"v": 1, "account": "a", "bracket": {"stop_loss": {"trail": {"bps": 5}}}, "post": True}
    data = json.dumps(tree, separators=separators).encode()
    assert strict_json._plain(data) == tree
    assert strict_json._plain(data.replace(b'"v"', b'"v":1,"v"').replace(b": ", b":")) is None
