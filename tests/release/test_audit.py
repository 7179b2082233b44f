"""An audit that asked nobody is no pass."""

from typing import Any

import pytest

from release import audit, locked, sbom

WANTED = {"idna": "3.20", "httpx": "0.28.1"}
CLEAN: list[dict[str, Any]] = [
    {"name": "idna", "version": "3.20", "vulns": []},
    {"name": "HTTPX", "version": "0.28.1", "vulns": []},
]
ADVISORY = {"id": "PYSEC-1", "fix_versions": ["4"]}


def judged(entries: list[dict[str, Any]] | None, said: str = "") -> tuple[int, str]:
    report = None if entries is None else {"dependencies": entries}
    code, lines = audit.verdict(report, WANTED, said)
    return code, "\n".join(lines)


def test_every_package_looked_up_and_nothing_known_is_a_pass() -> None:
    assert judged(CLEAN) == (0, "audited 2 packages: 0 advisories")


@pytest.mark.parametrize(
    "entries",
    [
        None,
        [],
        CLEAN[:1],
        [CLEAN[0], {"name": "httpx", "skip_reason": "Dependency not found on PyPI"}],
        [CLEAN[0], {"name": "httpx", "version": "0.28.1", "vulns": [], "skip_reason": "away"}],
    ],
)
def test_one_package_that_was_not_looked_up_is_not_run(
    entries: list[dict[str, Any]] | None,
) -> None:
    code, text = judged(entries, "ERROR: away")
    assert code == 3 and text.startswith("NOT RUN")


def test_an_advisory_is_told_with_what_mends_it() -> None:
    code, text = judged([CLEAN[0], {**CLEAN[1], "vulns": [ADVISORY]}])
    assert code == 1 and "httpx 0.28.1: PYSEC-1, mended in ['4']" in text


def test_a_tool_that_is_not_there_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "TOOL", locked.ROOT / "no-such-tool")
    report, said = audit.audit("idna==3.20\n")
    assert report is None and audit.verdict(report, WANTED, said).code == 3


EXPORTED = """# a comment
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:aa
idna==3.20 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via httpx
Typing_Extensions==4.15.0 ; python_version >= '3.11' \\
    --hash=sha256:dd
"""


def test_the_lock_is_what_holds_on_this_machine() -> None:
    assert locked.versions(EXPORTED) == {"idna": "3.20", "typing-extensions": "4.15.0"}


def test_a_list_of_components_must_be_the_lock() -> None:
    listed = sbom.components(
        {
            "components": [
                {"name": "Idna", "version": "3.20"},
                {"name": "headrace", "version": "0.1.0"},
            ]
        }
    )
    assert listed == {"idna": "3.20"}
    assert sbom.differences(listed, {"idna": "3.20"}) == []
    assert len(sbom.differences(listed, {"idna": "3.21", "httpx": "0.28.1"})) == 2
    assert len(sbom.differences({**listed, "extra": "1"}, {"idna": "3.20"})) == 1
