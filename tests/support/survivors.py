"""After a run of mutmut: how many mutants of a module were killed, and which survivors nobody has explained.

Run as `python -m tests.support.survivors tables.position`: exits 1 when fewer than nine in ten were killed, or when the
line of a survivor is not in docs/mutants.md.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXPLAINED = ROOT / "docs" / "mutants.md"
KILLED_MIN = 0.9
SURVIVED = {0: "survived", 5: "no test reaches it", 33: "no test reaches it"}
"""mutmut's exit code of a mutant's run; any other is a failed, crashed or endless one."""


def outcomes(module: str, mutants: Path) -> dict[str, int]:
    """Exit code of each mutant of a module that has been tried."""
    meta = mutants / f"{module.replace('.', '/')}.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
    return {name: code for name, code in codes.items() if code is not None}


def changed_line(mutant: str) -> str:
    """The line that a mutant has in place of the code's."""
    command = [sys.executable, "-m", "mutmut", "show", mutant]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    added = [line[1:] for line in shown.splitlines() if line.startswith("+") and line[1:2] != "+"]
    return " ".join(line.strip() for line in added)


def main(module: str) -> int:
    """Tell, and judge."""
    tried = outcomes(module, ROOT / "mutants")
    survivors = [name for name, code in tried.items() if code in SURVIVED]
    killed = len(tried) - len(survivors)
    print(f"{module}: {killed} of {len(tried)} killed, {killed / max(1, len(tried)):.1%}")
    known, unexplained = EXPLAINED.read_text(), 0
    for name in survivors:
        line = changed_line(name)
        explained = line in known
        unexplained += not explained
        print(f"{'' if explained else 'NOT EXPLAINED: '}{name} {SURVIVED[tried[name]]}\n    {line}")
    return int(not tried or bool(unexplained) or killed < KILLED_MIN * len(tried))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
