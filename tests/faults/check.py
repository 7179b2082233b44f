"""The independent checker of a run at rest: it knows the messages and the topics, and nothing of the engine.

Run as `python -m tests.faults.check BROKERS` on any cluster that is at rest.
"""

import asyncio
import sys

from tests.faults import check_money, check_orders, check_stamps, history
from tests.faults.history import History, Violation

SHOWN = 20


def check(found: History) -> list[Violation]:
    """Every broken rule of a history at rest."""
    return [
        *check_stamps.check(found),
        *check_orders.check(found),
        *check_money.check(found),
    ]


def main(brokers: str) -> int:
    """Print what is broken; 0 if nothing is."""
    broken = check(asyncio.run(history.read(brokers)))
    for violation in broken[:SHOWN]:
        print(violation)
    print(f"{len(broken)} violations")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
