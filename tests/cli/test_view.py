import io
from dataclasses import replace

from rich.console import Console

from api.exposition import quantile
from api.view import render
from api.view.figures import Figures, Flow, Holding, Market, Version
from api.view.poll import Answer
from api.view.read import flow, holdings, markets
from streams.feeds.reference import SHIPPED
from streams.ids import Ref
from streams.messages import Mark

BTC = "BTC/USD.SIM"
MARK = Mark(
    symbol=BTC, bid=60_000, ask=60_002, bid_size=1, ask_size=1, last=0, mid2=120_002,
    status="live", time=1, received=1, source="synthetic:1", cause=Ref("market.quotes", 0, 1),
)  # fmt: skip
HELD = {
    "account": "paper", "symbol": BTC, "qty": "-0.5", "average_price": "60010",
    "cost": "-30005", "net": "-12.5", "fees": "2.5",
}  # fmt: skip
FIGURES = Figures(
    markets=(Market(BTC, "60,000", "60,002", "", "stale"),),
    holdings=(Holding("paper", BTC, "-0.5", "60010", "-12.5", "4.5", "2.5"),),
    flow=Flow(events_per_second=1234.5, orders=3, fills=2, dead_letters=1, hop_p50=0.0051),
    cash=(("paper", "1000000"),),
    feed="synthetic:1, because nobody answered",
    api_url="http://127.0.0.1:8000",
    stale=("sink",),
    versions=(
        Version("up1s.micro.all", "lin", "champion", 0.21, 0.3),
        Version("up1s.micro.all", "qi", "shadow", 0.2, 0.31, 12.25, 32.9),
        Version("up1s.micro.all", "prior", "baseline", 0.25, None),
        Version("up1s.micro.all", "no_change", "baseline", 0.24, 0.0),
    ),
    gate="up1s.micro.all: wait qi: evidence | labels_min=200",
)


def _drawn(figures: Figures, height: int = 40) -> str:
    console = Console(file=io.StringIO(), width=110, height=height, force_terminal=False)
    console.print(render.screen(figures, ("[   1.0 s] feed: synthetic:1",)))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
    assert isinstance(text, str)
    return text


def test_the_screen_shows_what_a_newcomer_looks_for() -> None:
    text = _drawn(FIGURES)
    for shown in (
        BTC, "60,000", "stale", "1,234", "5.1 / - ms", "3 / 0", "-12.50", "4.50",
        "synthetic:1, because nobody answered", "http://127.0.0.1:8000", "cash: paper 1000000",
        "up1s", "qi 0.2 kappa_t 0.31 E 12.2/32.9", "no_change", "labels_min=200",
    ):  # fmt: skip
        assert shown in text, shown


def test_six_symbols_fit_a_small_terminal() -> None:
    two = tuple(replace(each, model="up5s.micro.all") for each in FIGURES.versions)
    six = replace(
        FIGURES,
        markets=FIGURES.markets * 6,
        holdings=FIGURES.holdings * 6,
        versions=(*FIGURES.versions, *two),
    )
    assert len(_drawn(six).splitlines()) <= 24


def test_a_line_says_the_same_without_a_terminal() -> None:
    line = render.line(FIGURES)
    assert "1,234 events/s" in line
    assert "fills 2" in line
    assert "up1s.micro.all qi E 12.2/32.9" in line
    assert line.endswith("stale: sink")


def test_a_short_position_gains_when_the_mark_falls() -> None:
    (holding,) = holdings([HELD], {BTC: MARK}, SHIPPED)
    assert holding.unrealised == "4.5"  # -0.5 x 60,001 - -30,005


def test_without_a_mark_nothing_is_said_of_unrealised_profit() -> None:
    (holding,) = holdings([HELD], {}, SHIPPED)
    assert holding.unrealised is None


def test_prices_are_shown_on_their_tick_and_absent_ones_not() -> None:
    (market,) = markets({BTC: MARK}, SHIPPED)
    assert (market.bid, market.ask, market.last) == ("60,000", "60,002", "")


def test_rates_and_hops_are_of_the_time_between_two_answers() -> None:
    def text(events: int, slow: int) -> bytes:
        return (
            f'headrace_events_total{{route="symbol",topic="market.quotes"}} {events}\n'
            f'headrace_event_age_seconds_bucket{{le="0.01",route="symbol"}} {events - slow}\n'
            f'headrace_event_age_seconds_bucket{{le="0.1",route="symbol"}} {events}\n'
            f'headrace_event_age_seconds_bucket{{le="+Inf",route="symbol"}} {events}\n'
        ).encode()

    seen = flow(Answer(text(300, 100), 12.0, Answer(text(200, 0), 10.0)))
    assert seen.events_per_second == 50.0
    assert seen.hop_p50 == quantile([(0.01, 0.0), (0.1, 100.0)], 0.5)


def test_an_answer_that_never_came_is_no_number() -> None:
    assert flow(None) == Flow()
