"""What the documents tell people to type: commands and options that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from api.cli import COMMANDS, build

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")])
SPAN = re.compile(r"`((?:headrace|make) [^`]+)`")
LINE = re.compile(r"^(?: {4,}|\s*\$ )((?:headrace|make) (?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
ELLIPSIS = re.compile(r"\.\.\.|…")
SHELL = re.compile(r"\s[|>&]|\s2>|;|\s#")
"""Where the command line ends and the shell's part, or a remark, begins."""


def told(page: Path) -> set[str]:
    """The commands of a page, in its text and in its blocks."""
    text = page.read_text()
    found = {*SPAN.findall(text), *LINE.findall(text)}
    return {
        ELLIPSIS.sub("", SHELL.split(" ".join(line.replace("\\\n", " ").split()))[0])
        for line in found
    }


UsageError: Any = typer.BadParameter.__mro__[1]
COMMAND = get_command(build(COMMANDS))
TARGETS = set(TARGET.findall((ROOT / "Makefile").read_text()))
TOLD = sorted({line for page in PAGES for line in told(page)})


def parse(command: Any, words: list[str], parent: Any = None) -> None:
    """Read a command line as far as its options go. Raises what the library raises for one that it does not know."""
    context = command.make_context(words[0], words[1:], parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, TyperGroup) and rest:
        parse(command.resolve_command(context, rest)[1], rest, context)


def alternatives(line: str) -> list[list[str]]:
    """The command lines that one with `a|b` in a word stands for."""
    lines: list[list[str]] = [[]]
    for word in shlex.split(line):
        lines = [[*before, one] for before in lines for one in word.split("|")]
    return lines


@pytest.mark.parametrize("line", [line for line in TOLD if line.startswith("headrace ")])
def test_a_command_of_the_documents_is_one_of_the_command_line(line: str) -> None:
    for words in alternatives(line):
        try:
            parse(COMMAND, words)
        except typer.Exit:
            continue  # help was asked for
        except UsageError as error:
            assert is_told_short(error), error


def is_told_short(error: Any) -> bool:
    """Whether a text only names a command without all that it needs, or has a word where a file would be."""
    name = type(error).__name__
    param = getattr(error, "param", None)
    return (
        name in ("MissingParameter", "NoArgsIsHelpError")
        or "PATH" in repr(getattr(param, "type", "")).upper()
    )


@pytest.mark.parametrize("line", [line for line in TOLD if line.startswith("make ")])
def test_a_target_of_the_documents_is_one_of_the_makefile(line: str) -> None:
    for words in alternatives(line):
        wanted = [word for word in words[1:] if "=" not in word]
        assert wanted
        assert {*wanted} <= TARGETS


@pytest.mark.parametrize(
    "line", ["headrace verify --nope", "headrace topics mend", "headrace topics show --nope"]
)
def test_a_command_that_is_not_there_is_found_out(line: str) -> None:
    with pytest.raises(UsageError, match="No such"):
        parse(COMMAND, line.split())


def test_a_file_of_tests_that_the_documents_name_is_there() -> None:
    named = {
        word
        for line in TOLD
        for word in shlex.split(line.partition("ARGS=")[2])
        for word in word.split()
    }
    paths = {word for word in named if word.startswith("tests/")}
    assert paths
    assert not [path for path in sorted(paths) if not (ROOT / path).exists()]
