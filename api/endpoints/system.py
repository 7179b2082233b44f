"""How the system does: status, topics, switches, breakers, limits; from what the watch and `control` say."""

from starlette.requests import Request
from starlette.responses import Response

from api import answers, shapes
from api.access.guard import token_of
from api.control_view import LIMITS, ControlView
from api.current import CurrentReader
from api.log_view import lag_by_topic
from api.parameters import ACCOUNT_, Given
from api.problems import Problem
from api.respond import respond
from api.watch import Watch
from streams.settings import Settings
from streams.topics import MARKS


async def status(request: Request) -> Response:
    """Profile, processes, switches, lag and feed, as of the last look."""
    Given(request, ())
    app = request.app
    return respond(request, status_of(app.state.settings, app.state.watch, app.state.control))


def status_of(settings: Settings, watch: Watch, control: ControlView) -> answers.Status:
    """The status as of now; asks nobody."""
    topics = watch.topics
    return answers.Status(
        profile=settings.profile,
        simulation=True,  # the package holds no other venue than the simulated exchange
        state=_state(watch),
        killed=control.killed(),
        open_breakers=watch.open_breakers,
        processes=[answers.Process(**process) for process in watch.processes],
        log="unreachable" if topics is None else "reachable",
        lag=None if topics is None else lag_by_topic(topics),
        feed_sources=watch.sources,
    )


async def topics(request: Request) -> Response:
    """Offsets of every partition, rates, and how far each group is behind; transaction markers take offsets too."""
    Given(request, ())
    watch: Watch = request.app.state.watch
    if watch.topics is None:
        raise Problem(503, "Kafka does not answer")
    age = round(watch.age_s, 3)
    return respond(request, answers.Topics(topics=watch.topics, rates=watch.rates, age_seconds=age))


async def kill_switch(request: Request) -> Response:
    """Every switch that was ever turned, the engaged ones first."""
    Given(request, ())
    control: ControlView = request.app.state.control
    return respond(request, answers.KillSwitch(switches=control.switches()))


async def limits(request: Request) -> Response:
    """The limits records in force."""
    given = Given(request, (ACCOUNT_,))
    control: ControlView = request.app.state.control
    token = token_of(request)
    found = [
        record.tree
        for account, record in control.below(LIMITS).items()
        if token.sees(account) and given["account"] in ("", account)
    ]
    return respond(request, answers.Limits(limits=found))


async def breakers(request: Request) -> Response:
    """The symbols whose circuit breaker is open."""
    Given(request, ())
    reader: CurrentReader = request.app.state.current
    current = await reader.read("mark")
    marks = [MARKS.decode(value) for value in current.values["mark"]]
    opened = [
        answers.Breaker(symbol=mark.symbol, name=mark.breaker, cause=shapes.place(mark.cause))
        for mark in marks
        if mark.breaker
    ]
    opened.sort(key=lambda breaker: breaker.symbol)
    return respond(
        request, answers.Breakers(source=current.source, as_of=current.as_of, breakers=opened)
    )


def _state(watch: Watch) -> answers.State:
    """UNKNOWN without ops ports to ask; DEGRADED when one does not answer; RECOVERING while a worker restores."""
    if not watch.processes:
        return "UNKNOWN"
    if not all(process["reachable"] for process in watch.processes):
        return "DEGRADED"
    states = {process["status"].get("state") for process in watch.processes}
    return "RECOVERING" if "RECOVERING" in states else "RUNNING"
