"""A row of the results, which every benchmark returns: named figures over rounds, their medians and ratios."""

import statistics

import msgspec


class Line(msgspec.Struct):
    """One figure, measured once a round. not_run: why there is none; goal: shown beside it.

    yardstick: the line that this one is compared with, "" = the row's; such a line is not compared with the subject.
    """

    name: str
    unit: str
    values: list[float] = []
    not_run: str = ""
    goal: str = ""
    yardstick: str = ""

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median over the rounds."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0

    def against(self, other: "Line") -> float | None:
        """The median over the rounds of this figure over the other's of the same round; None if either did not run."""
        if self.not_run or other.not_run:
            return None
        pairs = zip(self.values, other.values, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


class Row(msgspec.Struct):
    """One row of the performance page. yardstick, subject: names of lines that the table compares all others with.

    code: its number there, as `P1`; name: what its files in docs/benchmarks are called; loads: the load average of one
    minute as each round began.
    """

    code: str
    name: str
    title: str
    lines: list[Line]
    yardstick: str = ""
    subject: str = ""
    loads: list[float] = []
    notes: list[str] = []

    def line(self, name: str) -> Line | None:
        """The line of that name, or None."""
        return next((line for line in self.lines if line.name == name), None)

    def ratios(self, line: Line) -> tuple[float | None, float | None]:
        """(this line over the yardstick, the subject over this line)."""
        yardstick = self.line(line.yardstick or self.yardstick)
        subject = None if line.yardstick else self.line(self.subject)
        over = line.against(yardstick) if yardstick else None
        under = subject.against(line) if subject else None
        return over, under
