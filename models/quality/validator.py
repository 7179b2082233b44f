"""The owner of a validating process: whatever goes wrong with it, the frame is not validated and so not used."""

import importlib.util
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from models.quality.check import check
from models.quality.constraints import Column
from models.quality.request import Request, Rules, constraints, prepared, save
from models.quality.verdict import Verdict

TIMEOUT_S = 120.0
"""Of one validation; the first pays for the import too."""

DOCS_TIMEOUT_S = 60.0
COMMAND = (sys.executable, "-m", "models.quality.run")
PAGE = "index.html"
ERROR_BYTES = 2_000
READ_BYTES = 1 << 16


class Validator:
    """Validates frames: the fast check first, then Great Expectations in a process that is started at once.

    docs: where its pages go when it is closed; None: there are none. To be used by one thread at a time.
    """

    def __init__(
        self,
        docs: Path | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._timeout_s = timeout_s
        self._asked = False
        self._folder = tempfile.TemporaryDirectory(prefix="headrace-frames-")
        self._errors = (Path(self._folder.name) / "errors").open("w+b")
        self._process = subprocess.Popen(
            [*command, *([str(docs)] if docs else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | {"GX_ANALYTICS_ENABLED": "false", "TQDM_DISABLE": "1"},
            start_new_session=True,  # Ctrl-C on the terminal is for its owner
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def validate(self, name: str, columns: Mapping[str, Column], rules: Rules) -> Verdict:
        """Whether the columns keep the rules. name: unique in this process, it heads the page."""
        quick = check(prepared(columns, rules), constraints(rules))
        if not quick.valid:
            return quick
        return self.expect(name, columns, rules)

    def expect(self, name: str, columns: Mapping[str, Column], rules: Rules) -> Verdict:
        """Great Expectations' verdict, without the fast check."""
        path = Path(self._folder.name) / "columns.npz"
        save(path, columns)
        request = msgspec.json.encode(Request(name, str(path), rules)) + b"\n"
        deadline = time.monotonic() + self._timeout_s
        try:
            assert self._process.stdin is not None
            self._asked = True
            self._process.stdin.write(request)
            self._process.stdin.flush()
            return msgspec.json.decode(self._line(deadline), type=Verdict)
        except TimeoutError:
            self._process.kill()
            return Verdict(error=f"not validated: no answer within {self._timeout_s:g} s")
        except msgspec.DecodeError as error:
            self._process.kill()
            return Verdict(error=f"not validated: an answer that is none: {error}")
        except OSError:
            return Verdict(error=f"not validated: {self._last_words()}")

    def close(self) -> None:
        """Let it write its pages and end; at once where it was asked nothing."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if not self._asked:
            self._process.kill()
        try:
            self._process.stdin.close()
            self._process.wait(DOCS_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()
        self._folder.cleanup()

    def _line(self, deadline: float) -> bytes:
        """The next line of its output. TimeoutError past the deadline, OSError where it has ended."""
        assert self._process.stdout is not None
        pipe, line = self._process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(pipe, READ_BYTES)
            if not part:
                raise OSError("it has ended")
            line += part
        return line

    def _last_words(self) -> str:
        if importlib.util.find_spec("great_expectations") is None:
            return "great-expectations is not installed; it comes with headrace[quality]"
        self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - ERROR_BYTES))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "without a word"
        return f"the validating process ended ({self._process.returncode}): {last}"
