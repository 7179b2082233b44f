"""The system on one screen is what its documents draw, and flows one way but for its one declared loop."""

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from agents import flow
from agents.group import Group
from streams import topics

ROOT = Path(__file__).parent.parent
GROUPS = flow.whole()


def test_every_input_topic_has_a_producing_group_or_is_external() -> None:
    made = flow.producers(GROUPS).keys() | {topic.name for topic in flow.EXTERNAL}
    read = {source.topic.name for group in GROUPS for source in group.inputs}
    assert read <= made


def test_every_topic_has_one_producing_group_but_orders_and_the_lanes() -> None:
    shared = {t: groups for t, groups in flow.producers(GROUPS).items() if len(groups) > 1}
    assert shared.pop("orders"), "the strategist sends orders, risk forwards misplaced ones"
    lanes = ["learner", "learner-heavy"]
    assert shared == {"predictions": lanes, "examples": lanes}, "each record names its lane"


def test_every_topic_of_the_catalogue_is_used() -> None:
    read = {source.topic.name for group in GROUPS for source in group.inputs}
    written = {topic.name for group in GROUPS for topic in group.outputs}
    logged = {group.changelog.name for group in GROUPS}
    assert {topic.name for topic in topics.CATALOGUE} == read | written | logged | {
        "dead.letters",
        "interleaving",
        "dead.replayed",
    }


def test_topics_lead_to_topics_without_a_way_back_but_the_declared_one() -> None:
    edges = {
        (source.topic.name, topic.name)
        for group in GROUPS
        for source in group.inputs
        for topic in source.outputs
    }
    loops = {(a, b) for a, b in edges if a == b}
    assert loops == {("orders", "orders")}, (
        "risk forwards a command that lies where it cannot be read"
    )
    nodes = {name for edge in edges for name in edge}
    while nodes:
        first = {n for n in nodes if not any(b == n and a in nodes for a, b in edges - loops)}
        assert first, f"a cycle among {nodes}"
        nodes -= first


def test_every_input_topic_belongs_to_one_group_unless_broadcast() -> None:
    readers: dict[str, list[str]] = {}
    for group in GROUPS:
        for source in group.inputs:
            if not source.broadcast:
                readers.setdefault(source.topic.name, []).append(group.name)
    assert readers.pop("features") == ["learner", "learner-heavy"], "workers of two apps"
    assert all(len(groups) == 1 for groups in readers.values()), readers


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_inputs_of_a_group_are_copartitioned_with_its_changelog(group: Group) -> None:
    kinds = {source.topic.copartition for source in group.inputs if not source.broadcast}
    assert kinds == {group.changelog.copartition}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_tables_of_a_cell_have_names_of_their_own(group: Group) -> None:
    names = [table.name for table in group.tables(0).all()]
    assert len(names) == len(set(names))
    assert not any("|" in name or name == "progress" for name in names)


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "README.md"])
def test_document_holds_the_diagram_of_the_routes(document: str) -> None:
    assert flow.mermaid(GROUPS) in (ROOT / document).read_text(), "run python -m agents.flow"


def test_the_six_packages_are_ours_alone() -> None:
    owners = packages_distributions()
    for package in ("streams", "agents", "tables", "models", "sinks", "api"):
        assert set(owners[package]) == {"headrace"}
