"""Where two runs part: both are run again, side by side, to the first output that is not the same."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from api.replay.whatif import Output, Run


@dataclass(frozen=True)
class Parting:
    """The first differing outputs, after so many equal ones; None: that run has ended."""

    equal: int
    first: Output | None
    second: Output | None


async def part(first: Run, second: Run) -> Parting | int:
    """Where they part, or how many outputs both have, all of them equal."""
    ours, theirs = _outputs(first), _outputs(second)
    equal = 0
    try:
        while True:
            pair = await anext(ours, None), await anext(theirs, None)
            if pair[0] != pair[1]:
                return Parting(equal, *pair)
            if pair[0] is None:
                return equal
            equal += 1
    finally:
        await ours.aclose()
        await theirs.aclose()


async def _outputs(run: Run) -> AsyncGenerator[Output, None]:
    async for batch in run.batches():
        for output in batch:
            yield output
