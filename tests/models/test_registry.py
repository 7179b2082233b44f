import pickle  # noqa: TID251  one is offered as a model, and refused
from pathlib import Path

import msgspec
import pytest

from models import golden, registry
from models.artefacts import ArtefactMissing, FolderCache
from models.registry import Refused
from streams.predictions import ModelVersion

KEY = b"a key of the registry"
TREES = b"tree\nversion=v4\n"
SCALE = b'{"mean":[]}'
CONTENTS = {"model.txt": TREES, "scaler.json": SCALE}
ORIGIN = {registry.file(name, content).sha256: content for name, content in CONTENTS.items()}


def _version(**changes: object) -> ModelVersion:
    plain = ModelVersion(
        model="up1s.micro.all",
        version="",
        kind="batch",
        algorithm="lightgbm",
        format="lightgbm-text-4",
        set_hash="aa",
        spec="bb",
        files=tuple(registry.file(name, content) for name, content in CONTENTS.items()),
        golden=golden.digest(map(sum, golden.vectors())),
    )
    return registry.stamped(msgspec.structs.replace(plain, **changes), KEY)


def _check(version: ModelVersion, key: bytes = KEY) -> None:
    registry.check(version, set_hash="aa", spec="bb", formats=["lightgbm-text-4"], key=key)


def _reason(version: ModelVersion, key: bytes = KEY) -> str:
    with pytest.raises(Refused) as refused:
        _check(version, key)
    return refused.value.reason


def test_a_version_is_named_by_all_it_says() -> None:
    version = _version()
    assert version.version.startswith("v")
    assert len(version.version) == 13
    assert _version(cutoff=1).version != version.version
    assert registry.version_id(version) == version.version
    _check(version)


def test_its_state_may_change_and_its_name_stays() -> None:
    assert registry.version_id(msgspec.structs.replace(_version(), state="retired")) == (
        _version().version
    )


def test_each_thing_that_is_wrong_with_a_record_is_named() -> None:
    replace = msgspec.structs.replace
    assert _reason(replace(_version(), cutoff=1)) == "signature"
    assert _reason(replace(_version(), cutoff=1), key=b"") == "identity"
    assert _reason(_version(), key=b"another key") == "signature"
    assert _reason(_version(state="rejected")) == "rejected"
    assert _reason(_version(format="lightgbm-text-5")) == "format_unsupported"
    assert _reason(_version(set_hash="ab")) == "feature_set"
    assert _reason(_version(spec="bc")) == "label_spec"


def test_a_built_in_version_carries_its_own_name_and_no_other() -> None:
    built_in = msgspec.structs.replace(
        _version(), kind="online", version="lin", algorithm="lin", files=()
    )
    _check(built_in, key=b"")
    assert _reason(msgspec.structs.replace(built_in, algorithm="pa"), key=b"") == "identity"


def test_files_come_from_the_folder_after_the_first_time(tmp_path: Path) -> None:
    asked: list[str] = []

    def origin(sha256: str) -> bytes:
        asked.append(sha256)
        return ORIGIN[sha256]

    cache = FolderCache(tmp_path / "artefacts", origin)
    assert registry.files(_version(), cache) == CONTENTS
    assert registry.files(_version(), cache) == CONTENTS
    assert len(asked) == 2
    assert sorted(path.name for path in (tmp_path / "artefacts").iterdir()) == sorted(ORIGIN)


def test_a_flipped_byte_in_the_folder_is_refused(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, ORIGIN.__getitem__)
    registry.files(_version(), cache)
    for path in tmp_path.iterdir():
        content = bytearray(path.read_bytes())
        content[3] ^= 1
        path.write_bytes(content)
        with pytest.raises(Refused, match="sha256"):
            registry.files(_version(), cache)
        path.unlink()


def test_a_flipped_byte_at_the_origin_is_refused_and_not_kept(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, lambda sha256: ORIGIN[sha256] + b" ")
    with pytest.raises(Refused, match="sha256"):
        registry.files(_version(), cache)
    assert not list(tmp_path.iterdir())


def test_a_file_that_nobody_has_is_missing(tmp_path: Path) -> None:
    nothing: dict[str, bytes] = {}
    cache = FolderCache(tmp_path, nothing.__getitem__)
    with pytest.raises(ArtefactMissing):
        cache.get("0" * 64)
    with pytest.raises(Refused, match="artefact_missing"):
        registry.files(_version(), cache)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.txt", "model.json", "model.pkl", "model"])
def test_a_pickle_offered_as_a_model_is_refused(name: str, protocol: int) -> None:
    with pytest.raises(Refused, match="not_text"):
        registry.file(name, pickle.dumps({"weights": [1.0]}, protocol))


def test_an_archive_offered_as_a_model_is_refused() -> None:
    for start in registry.PICKLE_STARTS:
        with pytest.raises(Refused, match="not_text"):
            registry.file("model.json", start + b"{}")


def test_a_version_that_answers_one_golden_vector_otherwise_is_refused() -> None:
    registry.check_golden(_version(), sum)
    odd = golden.vectors()[17]
    with pytest.raises(Refused, match="golden"):
        registry.check_golden(_version(), lambda vector: sum(vector) + (vector == odd) * 1e-9)
