"""A report scores logged answers when their labels were known, and its figures are those of a count by hand."""

import math
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from api.evaluation import make
from models import skill
from models.labels import UP_1S
from models.report import earnings, figures, marks
from models.report.answers import NO_LABEL, SERVED, Answers, collect
from models.report.baselines import baselines
from streams.ids import Ref
from streams.predictions import Answer, Example, Prediction
from tests.train.rows import MODEL, SECOND_NS, START_NS, SYMBOLS

STATES = ("labelled", "labelled", "labelled", "flat", "censored", "expired")


def log(count: int = 600, *, cost_bps: float = 2.0, seed: int = 3) -> list[Example]:
    """Answers of a version `good` that knows something, of baselines, and of one that often abstains."""
    chance = Random(seed)
    found = []
    for number in range(count):
        symbol = SYMBOLS[number % 2]
        state = chance.choice(STATES)
        up = chance.random() < 0.55
        known = state in ("labelled", "flat", "censored")
        r_bps = abs(chance.gauss(0, 3)) * (1 if up else -1) * (state != "flat") if known else None
        good = min(max(0.5 + (0.2 if up else -0.2) + chance.gauss(0, 0.2), 0.01), 0.99)
        time = START_NS + number * SECOND_NS // 3
        outputs = (
            Answer("prior", 0.55, "", number),
            Answer("no_change", chance.random(), "", number),
            Answer("qi", chance.choice([0.4, 0.5, 0.6]), "", number),
            Answer("good", good, "", number),
            Answer("shy", good, "") if number % 3 else Answer("shy", None, "warming_up"),
        )
        served = "good" if number < count // 2 else "shy"
        found.append(
            Example(
                prediction_id=f"p{number}",
                symbol=symbol,
                model=MODEL,
                lane="inline",
                spec=UP_1S.hash,
                set_hash="set",
                state=state,  # type: ignore[arg-type]  # one of them
                time=time,
                known_at=time + SECOND_NS + chance.randrange(400) * 1_000_000,
                elapsed_ns=SECOND_NS,
                mid2=200_000,
                ready=1,
                vector=b"",
                features_ref=Ref("features", number % 2, number),
                known_ref=Ref("features", number % 2, number + 3),
                y=int(up) if state == "labelled" else None,
                r_bps=r_bps,
                version=served,
                p=next(each.p for each in outputs if each.version == served),
                outputs=outputs,
                cost_bps=cost_bps,
            )
        )
    return found


@pytest.fixture(scope="module")
def answers() -> Answers:
    return collect(log())


def known_before(rows: list[Example], row: Example) -> list[Example]:
    """The labels of its symbol that were known when it was answered, in the order in which they became so."""
    known = [
        each
        for each in rows
        if each.symbol == row.symbol and each.state == "labelled" and each.known_at <= row.time
    ]
    return sorted(known, key=lambda each: (each.known_at, each.time))


def test_plain_decisions_use_labels_that_were_known_and_no_others(answers: Answers) -> None:
    rows = {row.features_ref.offset: row for row in log()}
    found = baselines(answers)
    for place, row in enumerate(rows[offset] for offset in answers.places[:, 1].tolist()):
        known = known_before(list(rows.values()), row)
        expected = known[-1].y if known else NO_LABEL
        assert found.no_change[place] == expected
        ups = sum(each.y or 0 for each in known)
        assert found.majority[place] == (int(2 * ups > len(known)) if known else NO_LABEL)


def test_figures_are_those_of_a_count_by_hand(answers: Answers) -> None:
    rows = log()
    every = np.ones(len(answers), dtype=np.bool_)
    found = figures.figures(answers, "shy", baselines(answers), every)
    scored = [
        (answer.p, row)
        for row in rows
        for answer in row.outputs
        if answer.version == "shy" and answer.p is not None and row.state == "labelled"
    ]
    labelled = [row for row in rows if row.state == "labelled"]
    assert found["n"] == len(scored)
    assert found["answered"] == len(scored) / len(labelled)
    right = [(p > 0.5) == (row.y == 1) for p, row in scored]
    assert found["accuracy"] == pytest.approx(sum(right) / len(right))
    assert found["brier"] == pytest.approx(
        math.fsum((p - (row.y or 0)) ** 2 for p, row in scored) / len(scored)
    )
    ups = [p for p, row in scored if row.y == 1]
    downs = [p for p, row in scored if row.y == 0]
    pairs = [1.0 if up > down else 0.5 if up == down else 0.0 for up in ups for down in downs]
    assert found["auc"] == pytest.approx(sum(pairs) / len(pairs))
    both = [(p, row, known_before(rows, row)) for p, row in scored]
    told = [(p, row, known[-1].y) for p, row, known in both if known]
    ours = sum((p > 0.5) == (row.y == 1) for p, row, _ in told) / len(told)
    theirs = sum(row.y == last for _, row, last in told) / len(told)
    assert found["kappa_t"] == pytest.approx((ours - theirs) / (1 - theirs))


def test_windows_partition_the_labels_and_the_last_sum_is_the_whole(answers: Answers) -> None:
    bases = baselines(answers)
    windows = figures.windows(answers, "good", bases, 100)
    labelled = int(answers.labelled.sum())
    assert [window["n"] for window in windows] == [100] * (labelled // 100) + [labelled % 100]
    sums = figures.cumulative(answers, "good", bases, 100)
    assert [each["known_at"] for each in sums] == [each["known_at"] for each in windows]
    every = np.ones(len(answers), dtype=np.bool_)
    assert {**sums[-1], **figures.figures(answers, "good", bases, every)} == sums[-1]


def test_the_interval_holds_the_auc_and_needs_ten_blocks(answers: Answers) -> None:
    p, y = answers.p["good"][answers.labelled], answers.y[answers.labelled]
    auc = skill.auc(p, y)
    interval = figures.auc_interval(answers, "good", 10 * SECOND_NS, 7)
    assert interval is not None
    assert auc is not None
    assert interval[0] < auc < interval[1]
    assert interval == figures.auc_interval(answers, "good", 10 * SECOND_NS, 7)
    assert figures.auc_interval(answers, "good", 100 * SECOND_NS, 7) is None


def test_positions_of_a_symbol_never_overlap_and_costs_come_off(answers: Answers) -> None:
    rows = {(row.symbol, row.known_at, row.r_bps): row for row in log()}
    taken = earnings.positions(answers, "good", only_above_cost=False)
    free: dict[str, int] = {}
    opened = [
        row
        for row in sorted(rows.values(), key=lambda each: each.time)
        if row.state in ("labelled", "flat")
    ]
    expected = []
    for row in opened:
        if row.time >= free.get(row.symbol, row.time):
            free[row.symbol] = row.known_at
            p = next(each.p for each in row.outputs if each.version == "good")
            assert p is not None
            expected.append((row.r_bps or 0.0) * (1 if p > 0.5 else -1))
    assert sorted(taken.gross.tolist()) == pytest.approx(sorted(expected))
    told = earnings.earnings(taken, 10 * SECOND_NS)
    assert told["net_bps"] == pytest.approx(told["gross_bps"] - 2.0 * len(expected))
    assert told["turnover_a_day"] == pytest.approx(2 * len(expected) * 8640)


def test_nothing_is_traded_where_costs_exceed_every_edge() -> None:
    taken = earnings.positions(collect(log(cost_bps=50.0)), "good", only_above_cost=True)
    assert len(taken.closed) == 0


def test_lanes_of_one_vector_are_one_row_and_what_is_read_twice_counts_once() -> None:
    rows = log(50)
    heavy = [
        msgspec.structs.replace(
            row, lane="heavy", p=None, version="", outputs=(Answer("arf3", 0.6),)
        )
        for row in rows
    ]
    found = collect([*rows, *heavy, *rows])
    assert len(found) == 50
    assert np.nansum(found.p["arf3"]) == pytest.approx(30.0)
    assert found.p["good"].tobytes() == collect(rows).p["good"].tobytes()


def test_marks_tell_what_the_records_say() -> None:
    rows = log(100)
    found = marks.switches(collect(rows))
    assert [(mark.symbol, mark.text) for mark in found] == [
        (SYMBOLS[0], "good"), (SYMBOLS[1], "good"), (SYMBOLS[0], "shy"), (SYMBOLS[1], "shy")
    ]  # fmt: skip
    assert found[2].time == rows[50].time
    flagged = [
        prediction(number, given)
        for number, given in enumerate(
            [
                (),
                ("drift_hold",),
                ("drift_hold", "drift:lin"),
                ("drift:lin", "below_cost"),
                ("held",),
                ("drift_hold",),
            ]
        )
    ]
    told = [(mark.time, mark.kind, mark.text) for mark in marks.flags(flagged)]
    times = [each.time for each in flagged]
    assert told == [
        (times[1], "drift_hold", ""),
        (times[2], "drift", "lin"),
        (times[3], "drift", "lin"),
        (times[4], "held", ""),
        (times[5], "drift_hold", ""),
    ]


def prediction(number: int, flags: tuple[str, ...]) -> Prediction:
    time = START_NS + number * SECOND_NS
    served = Answer("good", None, "held") if number < 3 else Answer("good", 0.6)
    ref = Ref("features", 0, number)
    return Prediction(f"p{number}", SYMBOLS[0], MODEL, time, 1, 2, 3, served, ref, flags=flags)


def test_the_report_is_one_page_that_needs_nothing_and_is_the_same_each_time(
    tmp_path: Path,
) -> None:
    said: list[tuple[bytes, ...]] = []
    for name in ("a", "b"):
        predictions = [prediction(number, ("drift_hold",)) for number in range(6)]
        found, curves = make.make(log(), predictions, UP_1S, {"read": "a test"})
        paths = make.write(tmp_path / name, found, curves)
        said.append(tuple(path.read_bytes() for path in paths))
    assert said[0] == said[1]
    figures_json, page = said[0]
    told: dict[str, Any] = msgspec.json.decode(figures_json)
    assert [name for name in told["pooled"]][:4] == [SERVED, "prior", "no_change", "qi"]
    assert told["label_states"].keys() == set(STATES)
    assert told["abstained"]["served"] == {"held": 3}
    assert told["abstained"]["shy"] == {"warming_up": 200}
    assert {mark["kind"] for mark in told["marks"]} == {"alias", "drift_hold"}
    assert len(told["dataset_sha256"]) == 64
    assert page.count(b"<svg") == 4
    for foreign in (b"<script", b"<link", b"src=", b"@import"):
        assert foreign not in page


def test_another_answer_is_another_data_set() -> None:
    rows = log(50)
    other = msgspec.structs.replace(rows[7], outputs=(Answer("good", 0.123), *rows[7].outputs[1:]))
    names = {
        make.make(each, [], UP_1S, {})[0]["dataset_sha256"]
        for each in (rows, [*rows[:7], other, *rows[8:]])
    }
    assert len(names) == 2
