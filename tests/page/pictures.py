"""Pictures of a running system for the docs: `python -m tests.page.pictures` beside `headrace up`."""

import sys
import time
from pathlib import Path

from api.supervisor.directory import running
from tests.page.browser import Browser

SETTLE_S = 8.0
SIZES = {
    "page": (1400, 1250, "light"),
    "page-dark": (1400, 1250, "dark"),
    "page-phone": (390, 844, "light"),
}


def main(data: Path, docs: Path) -> None:
    """Write one picture a size of what runs on this data directory."""
    run = running(data)
    if run is None or not run.api_token:
        raise SystemExit(f"no `headrace up` with a token of its own runs on {data}")
    with Browser() as browser:
        for name, (width, height, scheme) in SIZES.items():
            browser.open(width, height, scheme)
            browser.goto(run.api_url)
            browser.type("#token", run.api_token)
            browser.press("Enter")
            browser.wait_text("#state", "live", 20)
            time.sleep(SETTLE_S)
            browser.shot(docs / f"{name}.png")
            print(name, browser.problems())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/img"))
