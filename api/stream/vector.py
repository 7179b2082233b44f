"""An offset vector as the id of an event: with it a stream goes on, on any replica, with nothing lost or twice.

`e0.12-f3.7`: everything before offset 12 of orders.events, partition 0, and before 7 of fills, partition 3, was sent.
"""

import re

from aiokafka import TopicPartition

from streams.topics import CONTROL, DECISIONS, EVENTS, FILLS, POSITIONS

LETTERS = {
    EVENTS.name: "e",
    FILLS.name: "f",
    POSITIONS.name: "p",
    DECISIONS.name: "d",
    CONTROL.name: "c",
}
TOPICS = {letter: topic for topic, letter in LETTERS.items()}
ENTRY = re.compile(r"([cdefp])([0-9]{1,6})\.([0-9]{1,18})")
TEXT_MAX = 8000

Vector = dict[TopicPartition, int]


def encode(vector: Vector) -> str:
    return "-".join(f"{LETTERS[p.topic]}{p.partition}.{at}" for p, at in sorted(vector.items()))


def decode(text: str) -> Vector | None:
    """None for what is no id of ours."""
    vector: Vector = {}
    if len(text) > TEXT_MAX:
        return None
    for part in text.split("-"):
        match = ENTRY.fullmatch(part)
        if match is None:
            return None
        vector[TopicPartition(TOPICS[match[1]], int(match[2]))] = int(match[3])
    return vector
