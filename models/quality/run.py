"""The validating process: reads a request a line, answers a verdict a line, and writes its pages when the input ends.

Started by `validator`, as `python -m models.quality.run [DOCS]`. Great Expectations takes 5 s and 285 MB to import, so
it lives here, once a run, and nowhere else.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import msgspec

from models.quality.request import Request, constraints, load, prepared
from models.quality.verdict import Result, Verdict

SITE = Path("gx/uncommitted/data_docs/local_site")


def main() -> None:
    """Answer until the input ends. A request that fails is answered with the error."""
    answers = _own_output()
    docs = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="headrace-quality-") as root:
        context = _context(root)
        for line in sys.stdin.buffer:
            request = msgspec.json.decode(line, type=Request)
            answers.write(msgspec.json.encode(_verdict(context, request)) + b"\n")
            answers.flush()
        if docs is not None:
            context.build_data_docs()
            shutil.copytree(Path(root) / SITE, docs, dirs_exist_ok=True)


def _own_output() -> IO[bytes]:
    """What answers go to; whatever else is printed goes to the errors, lest it be read as an answer."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


def _context(root: str) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="file", project_root_dir=root)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return context


def _verdict(context: Any, request: Request) -> Verdict:
    try:
        return Verdict(tuple(_results(context, request)))
    except Exception as error:  # noqa: BLE001  whatever it was, the frame is not validated
        return Verdict(error=f"{type(error).__name__}: {error}")


def _results(context: Any, request: Request) -> list[Result]:
    import great_expectations as gx
    import pandas as pd

    from models.quality.suite import expectations

    frame = prepared(load(Path(request.columns), request.rules), request.rules)
    suite = context.suites.add(gx.ExpectationSuite(name=request.name))
    wanted = expectations(constraints(request.rules))
    suite.expectations = wanted
    suite.save()
    asset = context.data_sources.get("frames").get_asset("frame")
    whole = asset.add_batch_definition_whole_dataframe(request.name)
    definition = gx.ValidationDefinition(name=request.name, data=whole, suite=suite)
    run = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": pd.DataFrame(dict(frame))}
    )
    found = [_result(result) for result in run.results]
    assert len(found) == len(wanted), "an expectation was not evaluated"
    return found


def _result(result: Any) -> Result:
    name = result.expectation_config.meta["name"]
    if result.success:
        return Result(name, True)
    told = result.result or {}
    observed = told.get("observed_value", told.get("partial_unexpected_list"))
    if observed is None:
        observed = result.exception_info
    return Result(name, False, str(observed)[:500])


if __name__ == "__main__":
    main()
