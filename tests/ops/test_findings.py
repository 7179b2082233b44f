"""The quick tools find nothing but what is argued away, and nothing is argued away that is not found."""

import pytest

from tests.ops import findings
from tests.ops.findings import Argument, judge
from tests.ops.tools import FAST, Finding, Missing
from tests.support.tools import lacking

SAID = Finding("K1", "prod/worker", "no limit")
ARGUED = Argument("t", "K1", "prod/*", "throttling")


@pytest.mark.parametrize("name", FAST)
def test_a_tool_finds_what_is_argued_away_and_no_more(name: str) -> None:
    try:
        row = judge(name, FAST[name](), findings.arguments(name))
    except Missing as missing:
        lacking(str(missing))
    assert row.is_clean, findings.table([row])


def test_a_finding_without_an_argument_is_left() -> None:
    assert judge("t", [SAID, SAID._replace(check="K2")], [ARGUED]).left == [
        SAID._replace(check="K2")
    ]


def test_an_argument_covers_what_it_names_alone() -> None:
    assert judge("t", [SAID._replace(where="other/worker")], [ARGUED]).left


def test_an_argument_without_a_finding_is_stale() -> None:
    row = judge("t", [], [ARGUED])
    assert row.stale == [ARGUED] and not row.is_clean


def test_a_tool_that_cannot_be_had_is_no_pass(capsys: pytest.CaptureFixture[str]) -> None:
    def away() -> list[Finding]:
        raise Missing("no t")

    assert findings.main([], {"t": away}) == 1
    assert "NOT RUN" in capsys.readouterr().out
