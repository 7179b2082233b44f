"""Runs state machines of Hypothesis: a little in every run of the tests, and at length in the long ones."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

RELAXED = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


def briefly(machine: type[RuleBasedStateMachine], examples: int, steps: int = 40) -> None:
    """So many walks."""
    given = settings(RELAXED, max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(machine, settings=given)


def at_length(machine: type[RuleBasedStateMachine]) -> None:
    """Very many walks, longer ones."""
    briefly(machine, 10_000, 50)
