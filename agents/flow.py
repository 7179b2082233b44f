"""Draws the routes: `python -m agents.flow` prints the diagram that README.md and ARCHITECTURE.md hold."""

from collections.abc import Sequence

from agents.group import Group
from agents.routes import heavy, routes
from streams import topics

EXTERNAL = (
    topics.TRADES,
    topics.QUOTES,
    topics.BARS,
    topics.CONTROL,
    topics.ORDERS,
    topics.REGISTRY,
    topics.ALIAS,
)
"""Written from outside: by feeds, by operators, by whoever trades, by training and the promotion gate."""


def mermaid(groups: Sequence[Group]) -> str:
    """A Mermaid flowchart: groups as boxes, topics as rounded ones."""
    lines = ["flowchart LR"]
    for group in groups:
        tables = ", ".join(table.name for table in group.tables(0).all())
        lines.append(f'    {group.name}["<b>{group.name}</b><br>{tables}"]')
    for group in groups:
        lines += [f"    {_node(source.topic.name)} --> {group.name}" for source in group.inputs]
        lines += [f"    {group.name} --> {_node(topic.name)}" for topic in group.outputs]
    lines.append(f"    {_node(topics.DEAD_LETTERS.name)}")
    return "\n".join(lines)


def producers(groups: Sequence[Group]) -> dict[str, list[str]]:
    """Which groups write each topic."""
    found: dict[str, list[str]] = {}
    for group in groups:
        for topic in group.outputs:
            found.setdefault(topic.name, []).append(group.name)
    return found


def _node(topic: str) -> str:
    return f"{topic.replace('.', '_')}([{topic}])"


def whole() -> tuple[Group, ...]:
    """Every group of the system."""
    return *routes(4, strategy="signal"), heavy()


if __name__ == "__main__":
    import sys

    sys.stdout.write(mermaid(whole()) + "\n")
