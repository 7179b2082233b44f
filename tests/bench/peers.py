"""Makes the runtimes of the peers that live outside the project's own environment, or says why they cannot be had."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD_SECONDS_MAX = 600

QUIX_PINS = HERE / "requirements-quix.txt"
QUIX_PYTHON = HERE / ".venv-quix" / "bin" / "python"
NAUTILUS_PINS = HERE / "requirements-nautilus.txt"
NAUTILUS_PYTHON = HERE / ".venv-nautilus" / "bin" / "python"

STREAMS_PROJECT = HERE / "kafka-streams"
STREAMS_JAR = STREAMS_PROJECT / "target" / "kafka-streams-peer.jar"


Command = tuple[str | Path, ...]


def run(*argv: str | Path) -> str:
    """Runs one step of a build. Returns "" or the last line that it said before it failed."""
    try:
        subprocess.run(argv, check=True, timeout=BUILD_SECONDS_MAX, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr + error.stdout).strip().splitlines()
        return f"{Path(argv[0]).name} failed: {lines[-1] if lines else error.returncode}"
    except subprocess.TimeoutExpired:
        return f"{Path(argv[0]).name} took more than {BUILD_SECONDS_MAX} s"
    return ""


def quix() -> str:
    """Installs the Quix peer's environment. Returns "" or why it cannot run."""
    return environment(QUIX_PYTHON, QUIX_PINS)


def nautilus() -> str:
    """Installs the nautilus_trader peer's environment. Returns "" or why it cannot run."""
    return environment(NAUTILUS_PYTHON, NAUTILUS_PINS)


def environment(python: Path, wanted: Path) -> str:
    """Installs these pins around this interpreter unless it holds them already. Returns "" or what failed."""
    folder = python.parents[1]
    pins, installed = wanted.read_text(), folder / "installed.txt"
    if installed.exists() and installed.read_text() == pins:
        return ""
    if uv := shutil.which("uv"):
        create: Command = (uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        install: Command = (uv, "pip", "install", "--quiet", "--python", python, "-r", wanted)
    else:
        create = (sys.executable, "-m", "venv", "--clear", folder)
        install = (python, "-m", "pip", "install", "--quiet", "-r", wanted)
    reason = run(*create) or run(*install)
    if not reason:
        installed.write_text(pins)
    return reason


def kafka_streams() -> str:
    """Builds the Kafka Streams peer unless its jar is newer than its sources. Returns "" or why it cannot run."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    sources = [STREAMS_PROJECT / "pom.xml", *(STREAMS_PROJECT / "src").rglob("*.*")]
    newest = max(path.stat().st_mtime for path in sources)
    if STREAMS_JAR.exists() and STREAMS_JAR.stat().st_mtime >= newest:
        return ""
    return run("mvn", "--quiet", "--batch-mode", "--file", STREAMS_PROJECT / "pom.xml", "package")
