"""What makes a version of a model one: its name is the hash of all it says, and only what was checked is loaded.

The record is `ModelVersion`; SQL keeps it (`api/registry`), `models.registry` carries it to the workers.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection
from typing import Any, Literal

import msgspec

from models import golden
from models.artefacts import ArtefactMissing, ArtefactRefused, Artefacts
from streams.predictions import ModelFile, ModelVersion

Reason = Literal[
    "signature", "identity", "rejected", "format_unsupported", "feature_set", "label_spec",
    "artefact_missing", "sha256", "not_text", "golden",
]  # fmt: skip
"""Why a version is not loaded, in the order in which it is looked for."""

VERSION_HEX = 12
PICKLE_STARTS = (b"\x80", b"PK\x03\x04", b"\x93NUMPY", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
"""Of pickles, and of archives that hold them."""

TEXT_MODEL_STARTS = {".json": (b"{", b"["), ".txt": (b"tree\n",)}
"""What a file of each kind begins with: JSON, or LightGBM's model text. There are no others."""


class Refused(Exception):
    """A version that must not be loaded. reason: of the closed list."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason


def canonical(value: Any) -> str:
    """JSON of one spelling: keys sorted, no spaces. Raises ValueError for numbers that JSON has not."""
    encoded = msgspec.json.encode(value, order="sorted")
    return encoded.decode()


def stamped(version: ModelVersion, key: bytes = b"") -> ModelVersion:
    """The record under the name that its content gives it, signed where there is a key."""
    named = msgspec.structs.replace(version, version=version_id(version))
    return msgspec.structs.replace(named, signature=signature(named, key) if key else "")


def version_id(version: ModelVersion) -> str:
    """`v` and 12 hex digits of the sha256 of everything but the name itself, the state and the signature."""
    return f"v{hashlib.sha256(_content(version, name='')).hexdigest()[:VERSION_HEX]}"


def signature(version: ModelVersion, key: bytes) -> str:
    """HMAC-SHA256 of everything but the state and the signature itself."""
    return hmac.new(key, _content(version, name=version.version), hashlib.sha256).hexdigest()


def file(name: str, content: bytes) -> ModelFile:
    """A file as a record names it. Raises Refused("not_text") for what may hold code."""
    _check_text(name, content)
    return ModelFile(name, hashlib.sha256(content).hexdigest(), len(content))


def check(
    version: ModelVersion,
    *,
    set_hash: str,
    spec: str,
    formats: Collection[str],
    key: bytes = b"",
) -> None:
    """Raises Refused unless the record itself is one that this worker may load.

    formats: the stamps that it can read. key: with one, only signed records are good.
    """
    if key and not hmac.compare_digest(version.signature, signature(version, key)):
        raise Refused("signature")
    if not _is_named_rightly(version):
        raise Refused("identity", version.version)
    if version.state == "rejected":
        raise Refused("rejected", version.version)
    if version.format not in formats:
        raise Refused("format_unsupported", version.format)
    if version.set_hash != set_hash:
        raise Refused("feature_set", version.set_hash)
    if version.spec != spec:
        raise Refused("label_spec", version.spec)


def files(version: ModelVersion, artefacts: Artefacts) -> dict[str, bytes]:
    """Its files by name, each compared with its hash, again at every load. Raises Refused."""
    found: dict[str, bytes] = {}
    for each in version.files:
        try:
            content = artefacts.get(each.sha256)
        except ArtefactMissing as error:
            raise Refused("artefact_missing", each.name) from error
        except ArtefactRefused as error:
            raise Refused("sha256", each.name) from error
        if len(content) != each.size or hashlib.sha256(content).hexdigest() != each.sha256:
            raise Refused("sha256", each.name)
        _check_text(each.name, content)
        found[each.name] = content
    return found


def check_golden(version: ModelVersion, predict: Callable[[tuple[float, ...]], float]) -> None:
    """Raises Refused unless its outputs on the golden vectors are those that it was registered with."""
    given = golden.vectors(set_hash=version.set_hash)
    if golden.digest(map(predict, given)) != version.golden:
        raise Refused("golden", version.version)


def _is_named_rightly(version: ModelVersion) -> bool:
    """Built-in versions have no file and carry their own names; all others carry their hashes."""
    if version.kind != "batch" and not version.files:
        return version.version == version.algorithm
    return version.version == version_id(version)


def _content(version: ModelVersion, name: str) -> bytes:
    bare = msgspec.structs.replace(version, version=name, state="registered", signature="")
    return canonical(bare).encode()


def _check_text(name: str, content: bytes) -> None:
    suffix = f".{name.rpartition('.')[2]}"
    starts = TEXT_MODEL_STARTS.get(suffix, ())
    if content.startswith(PICKLE_STARTS) or not content.startswith(starts):
        raise Refused("not_text", name)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise Refused("not_text", name) from error
