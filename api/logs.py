"""What the long-running commands say to their log."""

import logging

OURS = ("headrace", "streams", "sinks", "agents", "api")


def to_stderr() -> None:
    """Our own lines from INFO up, those of libraries from WARNING up."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
