"""Whatever goes wrong with an answer, what is stored in the end is what a clean run stores."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.backfill.record import RunRefused
from api.demo.venue import Answer
from streams.instants import SECOND
from tests.backfill import faults
from tests.backfill.conftest import empty
from tests.backfill.faults import said, status
from tests.backfill.scene import LATER, Scene, Shape, rows, table_hash

NOW_S = LATER / SECOND

MENDED: dict[str, Answer] = {
    "429 with seconds": status(429, "retry-after: 7\r\n"),
    "429 with a date": faults.after_date(7, NOW_S),
    "429 with a date that has passed": faults.after_date(-100, NOW_S),
    "429 without a word": status(429),
    "408": status(408),
    "500": status(500),
    "503": status(503, "retry-after: 3\r\n"),
    "reset in the middle of the body": faults.reset,
    "truncated JSON": faults.truncated,
    "no JSON": status(200, body=b"<html>hello</html>"),
    "a rate limit in a 200": status(200, body=faults.RATE_LIMIT),
    "a busy service in a 200": status(200, body=faults.BUSY),
    "every row twice": said(faults.duplicated),
    "rows out of order": said(faults.unordered),
    "an empty page": said(faults.empty),
    "a page with a hole": said(faults.holed),
}
"""Of trades: what the same run gets over."""

REFUSED: dict[str, tuple[Shape, Answer, str]] = {
    "high below low": ("bars", said(faults.high_below_low), "open >= low"),
    "a price is null": ("bars", said(faults.priceless), "open present"),
    "hollow bars": ("bars", said(faults.hollow), "share of hollow bars"),
    "bars that contradict": ("bars", said(faults.contradicting), "conflict"),
    "no bars": ("bars", said(faults.empty), "rows"),
    "trades that contradict": ("trades", said(faults.other_trade), "conflict"),
    "points that contradict": ("points", said(faults.contradicting), "conflict"),
    "a point without price": ("points", said(faults.priceless), "open present"),
    "a point a day": ("points", said(faults.daily), "spacing"),
    "no points": ("points", said(faults.empty), "spacing"),
    "an answer of another shape": ("trades", status(200, body=b'{"error":[]}'), "shape"),
}
"""What a run puts into quarantine, and the next gets right: the source's shape, the fault, what it breaks."""


@pytest.fixture(scope="module")
def clean(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Shape], str]:
    """The hash of the tables after a clean run of each shape."""
    known: dict[Shape, str] = {}

    def hashed(shape: Shape) -> str:
        if shape not in known:
            assert Scene(migrated, tmp_path_factory.mktemp("clean"), shape).run().changed > 0
            known[shape] = table_hash(migrated)
        return known[shape]

    return hashed


def test_faults_on_the_way_leave_what_a_clean_run_leaves(
    database: str, tmp_path: Path, clean: Callable[[Shape], str]
) -> None:
    """All of them in one run, each second request."""
    wanted = clean("trades")
    empty(database)
    at_odd = {2 * number + 1: fault for number, fault in enumerate(MENDED.values())}
    scene = Scene(database, tmp_path, faults=at_odd, page_trades=150)
    assert scene.run().ending.state == "succeeded"
    assert len(scene.venue.requests) > max(at_odd)
    assert table_hash(database) == wanted


@pytest.mark.soak
@pytest.mark.parametrize("fault", MENDED.values(), ids=MENDED.keys())
@pytest.mark.parametrize("request_number", [0, 3])
def test_a_fault_on_the_way_alone_leaves_what_a_clean_run_leaves(
    database: str, tmp_path: Path, clean: Callable[[Shape], str], fault: Answer, request_number: int
) -> None:
    wanted = clean("trades")
    empty(database)
    scene = Scene(database, tmp_path, faults={request_number: fault})
    outcome = scene.run()
    assert outcome.ending.state == "succeeded"
    assert table_hash(database) == wanted


def test_silence_ends_after_its_time_and_is_asked_again(
    database: str, tmp_path: Path, clean: Callable[[Shape], str]
) -> None:
    wanted = clean("trades")
    empty(database)
    scene = Scene(database, tmp_path, faults={1: faults.hang}, read_s=0.3)
    assert scene.run().ending.retries == 1
    assert table_hash(database) == wanted


@pytest.mark.parametrize(("shape", "fault", "broken"), REFUSED.values(), ids=REFUSED.keys())
def test_what_an_answer_gets_wrong_is_not_stored_but_kept_aside_until_it_is_right(
    database: str,
    tmp_path: Path,
    clean: Callable[[Shape], str],
    shape: Shape,
    fault: Answer,
    broken: str,
) -> None:
    wanted = clean(shape)
    empty(database)
    first = Scene(database, tmp_path, shape, faults={0: fault}).run()
    assert first.ending.state == "partial"
    assert rows(database, "SELECT state FROM backfill_chunks WHERE chunk = 0") == [("quarantined",)]
    assert rows(database, "SELECT count(*) FROM bars WHERE ts < '2024-01-02'") == [(0,)]
    if rows(database, "SELECT count(*) FROM quarantine") != [(0,)]:
        asked = "SELECT DISTINCT expectation, released_at FROM quarantine"
        ((told, released_at),) = rows(database, asked)
        assert broken in told and released_at is None
    assert broken in first.ending.error or broken in _chunk_error(database)

    second = Scene(database, tmp_path, shape).run()
    assert (second.ending.state, second.run.run_id) == ("succeeded", first.run.run_id)
    assert table_hash(database) == wanted
    assert rows(database, "SELECT count(*) FROM quarantine WHERE released_at IS NULL") == [(0,)]


def test_a_last_bar_that_moves_is_not_stored(database: str, tmp_path: Path) -> None:
    """The server's last bar is another at each request, and would count as a change."""
    assert Scene(database, tmp_path, "bars").run().changed == 48
    assert Scene(database, tmp_path, "bars").run().changed == 0


def test_a_refusal_ends_the_run_at_once(database: str, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path, faults={2: status(404, body=b"no such pair")})
    ending = scene.run().ending
    assert (ending.state, ending.retries) == ("failed", 0)
    assert "404" in ending.error and "no such pair" in ending.error
    assert len(scene.venue.requests) == 3


def test_a_redirect_is_not_followed(database: str, tmp_path: Path) -> None:
    elsewhere = status(302, "location: http://127.0.0.1:9/0/public/Trades\r\n")
    assert Scene(database, tmp_path, faults={0: elsewhere}).run().ending.state == "failed"


def test_a_source_that_stays_down_is_asked_eight_times(database: str, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path, faults={number: status(503) for number in range(20)})
    ending = scene.run().ending
    assert ending.state == "failed" and "8 attempts" in ending.error
    assert len(scene.venue.requests) == 8
    assert scene.clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


def test_a_long_pause_ends_the_run_which_says_when_to_go_on(database: str, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path, faults={1: status(429, "retry-after: 3600\r\n")})
    ending = scene.run().ending
    assert ending.state == "waiting"
    assert ending.resume_at == LATER + 3600 * SECOND
    with pytest.raises(RunRefused, match="waits until"):
        Scene(database, tmp_path).run()
    after = Scene(database, tmp_path)
    after.clock.at += 3601
    assert after.run().ending.state == "succeeded"


def _chunk_error(database: str) -> str:
    ((error,),) = rows(database, "SELECT error FROM backfill_chunks WHERE chunk = 0")
    return str(error)
