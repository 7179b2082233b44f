"""The Quix Streams peer: a stateful dataframe with exactly-once, at its default commit interval of 5 s.

Runs in the virtual environment of `requirements-quix.txt`, so it imports nothing of the project.
"""

import json
import os
import secrets
import sys
import tempfile
import time
from typing import Any

from quixstreams import Application, State

IDLE_SECONDS_MAX = 60.0
"""A stream that stays silent this long has failed."""


class Fold:
    """The fold over one partition; counts, and keeps the last totals it stored, to report them at the end."""

    def __init__(self) -> None:
        self.seen = 0
        self.started = 0.0
        self.ended = 0.0
        self.totals: dict[str, list[float]] = {}

    def __call__(self, quote: dict[str, Any], state: State) -> None:
        """Folds one quote into its key's [last mid, count, sum of sizes]."""
        if not self.seen:
            self.started = time.perf_counter()
        _, count, sizes = state.get("totals", (0.0, 0, 0))
        totals = [
            (quote["bid"] + quote["ask"]) / 2,
            count + 1,
            sizes + quote["bid_size"] + quote["ask_size"],
        ]
        state.set("totals", totals)
        self.totals[quote["symbol"]] = totals
        self.seen += 1
        self.ended = time.perf_counter()

    def result(self) -> dict[str, object]:
        """What `tests.bench.result.Result` says."""
        mids, counts, sizes = (sum(column) for column in zip(*self.totals.values(), strict=True))
        state = {"keys": len(self.totals), "mids": mids, "count": counts, "sizes": sizes}
        return {"events": self.seen, "seconds": self.ended - self.started, "state": state}


def main() -> None:
    """Reads EVENTS quotes of TOPIC and prints the result."""
    fold = Fold()
    with tempfile.TemporaryDirectory() as directory:
        app = Application(
            broker_address=os.environ["BROKER"],
            consumer_group=f"bench-quix-{secrets.token_hex(4)}",
            auto_offset_reset="earliest",
            processing_guarantee="exactly-once",
            state_dir=directory,
            loglevel="WARNING",
        )
        quotes = app.dataframe(
            app.topic(os.environ["TOPIC"], key_deserializer="str", value_deserializer="json")
        )
        quotes.update(fold, stateful=True)
        app.run(count=int(os.environ["EVENTS"]), timeout=IDLE_SECONDS_MAX, collect=False)
    sys.stdout.write(json.dumps(fold.result()) + "\n")


if __name__ == "__main__":
    main()
