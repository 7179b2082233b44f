"""`make watch`: Prometheus and Alertmanager beside a running `headrace up`, and what every expression returns there."""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from api.supervisor.directory import running  # noqa: E402  this is a tool beside the packages
from dashboards import asked  # noqa: E402
from dashboards.asked import Answer  # noqa: E402
from dashboards.servers import Servers, serving, wait  # noqa: E402

SETTLE_S = 75.0
"""A rate over a minute needs its minute."""


def main(data: Path, page: Path | None, *, once: bool) -> int:
    """Serve until Ctrl-C, or with `once` until the table is printed. Returns how many targets were not up."""
    run = running(data)
    if run is None:
        raise SystemExit(f"no `headrace up` runs on {data}")
    with serving(data / "watch", run) as servers:
        try:
            return _look(servers, run.postgres_url, page, once=once)
        except KeyboardInterrupt:
            return 0


def _look(servers: Servers, postgres_url: str, page: Path | None, *, once: bool) -> int:
    print(f"Prometheus {servers.prometheus}  Alertmanager {servers.alertmanager}")
    targets, down, rules = wait(servers.prometheus)
    print(
        f"{targets - down} of {targets} targets up; rules: {rules}; the table in {SETTLE_S:.0f} s"
    )
    time.sleep(SETTLE_S)
    found = list(asked.answers(servers.prometheus, postgres_url))
    for answer in found:
        print(f"{answer.asked.name[:56]:56} {answer.shown:>28}  {answer.asked.text[:90]}")
    told = f"{targets - down} of {targets} targets up, rules: {rules}, {summary(found)}"
    print(told)
    if page is not None:
        page.write_text(markdown(found, told))
    if not once:
        print("Ctrl-C stops them")
        while True:
            time.sleep(3600)
    return down


def summary(found: list[Answer]) -> str:
    """What the table comes to, in a line."""
    values = [answer for answer in found if not answer.asked.name.endswith(" fires")]
    return (
        f"{sum(answer.series > 0 for answer in values)} of {len(values)} expressions returned data, "
        f"{sum(answer.series < 0 for answer in found)} were refused, "
        f"{sum(answer.series > 0 for answer in found) - sum(answer.series > 0 for answer in values)} alerts fired"
    )


def markdown(found: list[Answer], told: str) -> str:
    """The table as a page."""
    rows = [f"| {answer.asked.name} | {answer.shown} |" for answer in found]
    head = [
        "# What every panel and alert returned",
        "",
        f"`make watch` on a running engine: {told}.",
        "",
    ]
    return "\n".join([*head, "| expression | returned |", "| --- | --- |", *rows]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", type=Path, default=Path(".headrace"))
    parser.add_argument("--once", action="store_true", help="print the table and end")
    parser.add_argument("--page", type=Path, help="write the table there too, as Markdown")
    given = parser.parse_args()
    sys.exit(main(given.data, given.page, once=given.once))
