"""The report of a replay, opened from a file: its pictures are there, and it asks for nothing else."""

from itertools import islice
from pathlib import Path

from api.replay.results import page, summary
from api.replay.whatif import Run
from streams.feeds.reference import SIMULATED
from streams.feeds.synthetic import rounds
from tests.page.browser import Browser
from tests.replay.test_whatif import gone, plan, write

INSTRUMENT = next(i for i in SIMULATED if i.symbol == "LTC/USD.SIM")


def test_the_report_of_a_replay_opens_in_a_browser_from_its_file_alone(tmp_path: Path) -> None:
    made = islice(rounds(7, 1_000, instruments=(INSTRUMENT,)), 20)
    market = write(tmp_path / "market", [event for batch in made for event in batch])
    run = gone(Run(plan(market, run="<b>mine</b>"), None))
    figures = summary.summarise(run.collected)
    file = page.write(tmp_path, "<b>mine</b>", figures, run.collected)
    with Browser() as browser:
        browser.open()
        browser.goto(file.as_uri())
        assert "<b>mine</b>" in browser.text("h1")
        widths = browser.evaluate("[...document.images].map((image) => image.naturalWidth)")
        drawn = browser.evaluate("document.querySelectorAll('svg').length")
        assert drawn or (widths and min(widths) > 100)
        asked = browser.evaluate(
            "performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert [name for name in asked if not name.startswith("data:")] == []
        assert "fills" in browser.text("body")
        assert browser.problems() == []
