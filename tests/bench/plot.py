"""Draws a row: one bar a line with its median, a whisker from the slowest to the fastest round, the ratio beside it."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.report import figure
from tests.bench.row import Line, Row

INCHES_WIDE = 9.0
INCHES_A_LINE = 0.5
INCHES_AROUND = 1.3
PLAIN, MARKED = "#8da9c4", "#13519b"


def label(row: Row, line: Line) -> str:
    """The median, and the ratio to the yardstick if the row has one."""
    over, _ = row.ratios(line)
    return f"  {figure(line.median)}" + ("" if over is None else f"  ({over:.3g} x)")


def draw(row: Row, lines: list[Line], axes: Axes) -> None:
    """Draws lines of one unit into one pair of axes."""
    names = [line.name for line in lines]
    medians = [line.median for line in lines]
    below = [line.median - min(line.values) for line in lines]
    above = [max(line.values) - line.median for line in lines]
    colours = [MARKED if line.name == row.subject else PLAIN for line in lines]
    axes.barh(names, medians, xerr=[below, above], color=colours, capsize=3)
    for place, line in enumerate(lines):
        axes.text(max(line.values), place, label(row, line), va="center")
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_xlabel(lines[0].unit)
    axes.spines[["top", "right"]].set_visible(False)


def plot(row: Row, folder: Path) -> Path:
    """Writes the row's PNG file and returns its path. At least one line of it must have run."""
    ran = [line for line in row.lines if not line.not_run]
    assert ran, "nothing to draw"
    groups = [
        [line for line in ran if line.unit == unit]
        for unit in dict.fromkeys(line.unit for line in ran)
    ]
    inches = sum(INCHES_AROUND + INCHES_A_LINE * len(group) for group in groups)
    drawing = Figure(figsize=(INCHES_WIDE, inches), layout="constrained")
    heights = [len(group) + 1 for group in groups]
    all_axes = drawing.subplots(len(groups), squeeze=False, height_ratios=heights)
    for group, axes in zip(groups, all_axes[:, 0], strict=True):
        draw(row, group, axes)
    drawing.suptitle(f"{row.code} {row.name}: {row.title}", fontsize=10)
    path = folder / f"{row.name}.png"
    drawing.savefig(path, dpi=120)
    return path
