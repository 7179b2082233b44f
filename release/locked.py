"""What the lock says an installation holds: name -> version, for this machine and these extras."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def export(uv: str, extras: Sequence[str]) -> str:
    """The lock as requirements with hashes, as `release/install.sh` installs it."""
    words = [uv, "export", "--quiet", "--locked", "--no-dev", "--no-emit-project"]
    words += ["--format", "requirements.txt", *(w for extra in extras for w in ("--extra", extra))]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def versions(exported: str) -> dict[str, str]:
    """Canonical name -> version of each requirement whose marker holds here."""
    lines = re.sub(r"\\\n", " ", exported).splitlines()
    texts = [line.split(" --hash")[0].strip() for line in lines if line and line[0] not in "#- "]
    found = [Requirement(text) for text in texts]
    return {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==")
        for r in found
        if r.marker is None or r.marker.evaluate()
    }
