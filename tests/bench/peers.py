"""Makes the runtimes of the peers that live outside the project's own environment, or says why they cannot be had."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD_SECONDS_MAX = 600

QUIX_PINS = HERE / "requirements-quix.txt"
QUIX_ENVIRONMENT = HERE / ".venv-quix"
QUIX_PYTHON = QUIX_ENVIRONMENT / "bin" / "python"
QUIX_INSTALLED = QUIX_ENVIRONMENT / "installed.txt"

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
    """Installs the Quix peer's environment unless it holds the pins already. Returns "" or why it cannot run."""
    pins = QUIX_PINS.read_text()
    if QUIX_INSTALLED.exists() and QUIX_INSTALLED.read_text() == pins:
        return ""
    if shutil.which("uv"):
        create: Command = (
            "uv",
            "venv",
            "--quiet",
            "--clear",
            "--python",
            sys.executable,
            QUIX_ENVIRONMENT,
        )
        install: Command = (
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            QUIX_PYTHON,
            "-r",
            QUIX_PINS,
        )
    else:
        create = (sys.executable, "-m", "venv", "--clear", QUIX_ENVIRONMENT)
        install = (QUIX_PYTHON, "-m", "pip", "install", "--quiet", "-r", QUIX_PINS)
    reason = run(*create) or run(*install)
    if not reason:
        QUIX_INSTALLED.write_text(pins)
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
