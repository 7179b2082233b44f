"""`headrace api`: the read-only status API, in the foreground."""

import typer
import uvicorn

from api import locate, logs

HOST = "127.0.0.1"
GRACE_S = 1


def serve(brokers: locate.Brokers = None, data: locate.Data = None) -> None:
    """Serve the status API on the port of HEADRACE_API_PORT until told to stop."""
    from api.app import build

    logs.to_stderr()
    settings = locate.settings(brokers, data)
    typer.echo(f"http://{HOST}:{settings.api_port}")
    uvicorn.run(
        build(settings),
        host=HOST,
        port=settings.api_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
