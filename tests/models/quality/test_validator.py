"""A validating process that is absent, ends, hangs or babbles validates nothing."""

import sys
import time

import pytest

from models.quality.validator import Validator
from tests.models.quality import frames

RUN = "import runpy, sys; runpy.run_module('models.quality.run', run_name='__main__')"
FAULTS = {
    "package absent": f"import sys; sys.modules['great_expectations'] = None; {RUN}",
    "crash": "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)",
    "ends without an answer": "import sys; sys.stdin.readline()",
    "babbles": "import sys; sys.stdin.readline(); print('all is well', flush=True)",
    "never there": "raise SystemExit(3)",
}


@pytest.mark.parametrize("code", FAULTS.values(), ids=FAULTS.keys())
def test_what_is_not_validated_is_not_valid(code: str) -> None:
    with Validator(command=(sys.executable, "-c", code)) as validator:
        verdict = validator.validate("bars", frames.bars(), frames.CANDLES)
    assert not verdict.valid
    assert verdict.reason.startswith("not validated")


def test_the_missing_package_is_named() -> None:
    code = FAULTS["package absent"]
    with Validator(command=(sys.executable, "-c", code)) as validator:
        verdict = validator.validate("bars", frames.bars(), frames.CANDLES)
    assert "great_expectations" in verdict.reason


def test_a_process_that_hangs_is_ended_after_its_time() -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    began = time.monotonic()
    with Validator(timeout_s=0.3, command=command) as validator:
        first = validator.validate("bars", frames.bars(), frames.CANDLES)
        second = validator.validate("more bars", frames.bars(), frames.CANDLES)
    assert "within 0.3 s" in first.reason
    assert not second.valid
    assert time.monotonic() - began < 30


def test_a_broken_frame_is_told_without_asking_the_process() -> None:
    columns = frames.bars()
    frames.BROKEN_BARS["ts aligned"](columns)
    with Validator(command=(sys.executable, "-c", "")) as validator:
        verdict = validator.validate("bars", columns, frames.CANDLES)
    assert [result.expectation for result in verdict.broken] == ["ts aligned"]
