"""Trains on a file of examples and prints what came of it: run in a process of its own, to compare."""

import sys
from pathlib import Path

import msgspec

from models.batch import frame, train
from models.batch.config import Config
from models.batch.train import Task, Trained
from models.labels import UP_1S
from streams.predictions import Example
from tests.train.rows import MODEL, SET

CONFIG = Config(MODEL, 0, 2**62)


def trained(found: list[Example], config: Config = CONFIG) -> list[Trained]:
    """Both versions."""
    task = Task(config, SET, UP_1S, {})
    read = frame.read(found, SET, UP_1S, MODEL)
    ready = train.prepared(read, task)
    return [train.judge(fitted, ready, read, task) for fitted in train.fit(ready, task)]


def told(versions: list[Trained]) -> list[str]:
    """Every hash of every version."""
    return [
        f"{each.version.version} {each.version.golden} {' '.join(f.sha256 for f in each.version.files)}"
        for each in versions
    ]


if __name__ == "__main__":
    data = Path(sys.argv[1]).read_bytes()
    print(*told(trained(msgspec.json.decode(data, type=list[Example]))), sep="\n")
