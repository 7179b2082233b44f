"""What became of a validation, told alike by the fast check and by Great Expectations."""

import msgspec


class Result(msgspec.Struct, frozen=True):
    """One expectation's outcome. observed: what broke it, "" where it held."""

    expectation: str
    held: bool
    observed: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """Of one frame. error: why it could not be validated at all; then, as when an expectation broke, it is not valid.

    docs: where the page on this validation is, "" where none was written.
    """

    results: tuple[Result, ...] = ()
    error: str = ""
    docs: str = ""

    @property
    def valid(self) -> bool:
        """Whether everything was checked and everything held."""
        return not self.error and bool(self.results) and all(r.held for r in self.results)

    @property
    def broken(self) -> tuple[Result, ...]:
        """The expectations that did not hold."""
        return tuple(result for result in self.results if not result.held)

    @property
    def reason(self) -> str:
        """In a sentence why the frame is not valid, "" where it is."""
        if self.valid:
            return ""
        found = [f"{result.expectation}: {result.observed}" for result in self.broken]
        return self.error or "; ".join(found) or "nothing was checked"
