"""`headrace api`: the status API and the live page, in the foreground; with its probes on the ops port."""

from typing import Annotated

import typer

from api import locate, logs
from api.ending import Ended, plainly
from streams.exits import Exit


def serve(
    controls: Annotated[
        bool, typer.Option("--controls", help="Also take POST: turns the kill switch.")
    ] = False,
    brokers: locate.Brokers = None,
    data: locate.Data = None,
) -> None:
    """Serve the status API on the port of HEADRACE_API_PORT until told to stop."""
    from agents import insecure
    from agents.ops import OpsServer, Probes
    from api.app import build
    from api.server import Server

    logs.to_stderr()
    settings = locate.settings(brokers, data)
    with plainly():
        if refusal := insecure.refusal(settings, is_api=True):
            raise Ended(Exit.SETTINGS, f"no status API starts so: {refusal}")
    app = build(settings, with_controls=controls)
    state, server = app.state, Server(app, settings.api_port, settings.host)
    probes = Probes(
        state.metrics.exposition,
        lambda: {"role": "controls" if controls else "api"},
        {"loop": state.beat.is_young},
        {
            "http": lambda: server.started,
            "kafka": lambda: state.watch.topics is not None,
            "control": lambda: state.control.is_current,
            "tokens": lambda: bool(state.tokens.current()),
        },
    )
    ops = OpsServer(probes, settings.ops_port, settings.host)
    ops.start()
    typer.echo(f"http://{settings.host}:{settings.api_port}")
    server.run()
    ops.stop()
