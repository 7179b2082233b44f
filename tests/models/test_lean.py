"""A worker that learns has River, and nothing of what trains, checks or stores."""

import subprocess
import sys

FORBIDDEN = {"feast", "great_expectations", "pandas", "sklearn", "lightgbm"}


def test_a_worker_imports_nothing_of_training_checking_or_the_feature_store() -> None:
    code = (
        "import sys, agents.worker, agents.configured, agents.routes, agents.sink, api.commands.worker; "
        "agents.routes.routes(4); "
        "print(*{name.partition('.')[0] for name in sys.modules}, flush=True); "
        "import models.online.pipelines, models.online.trees; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    starting, learning = (set(line.split()) for line in ran.stdout.splitlines())
    assert not starting & {*FORBIDDEN, "river", "numpy"}, "a restarted worker trades before"
    assert "river" in learning
    assert not learning & FORBIDDEN
