"""Studies called with what is no argument: refused in words, never by a traceback from within."""

from collections.abc import Callable
from typing import Any

import pytest

import sim
from support.study_scenarios import scenario_of

COUNT = "campaign.task_policy.retry_count"
PLACES = "platform.max_processing"
VARY = {COUNT: [0, 1]}
TWO = {COUNT: "0..3", PLACES: "20..60"}

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "vary": (lambda: sim.sweep(scenario_of(), 3), "vary: 3 is not allowed"),
    "metrics": (
        lambda: sim.sweep(scenario_of(), VARY, metrics=3),
        "metrics: 3 is not allowed; a text, or several",
    ),
    "a_metric": (lambda: sim.sweep(scenario_of(), VARY, metrics="makespam"), "did you mean 'makespan'"),
    "precision": (lambda: sim.replicate(scenario_of(), precision=3), "precision: 3 is not allowed"),
    "replications": (
        lambda: sim.replicate(scenario_of(), replications="3"),
        "replications: '3' is not allowed",
    ),
    "folder": (
        lambda: sim.replicate(scenario_of(), folder=3),
        "folder: 3 is not allowed; the path of a folder",
    ),
    "executor": (lambda: sim.replicate(scenario_of(), executor=3), "executor: 3 is no place to run"),
    "workers": (lambda: sim.replicate(scenario_of(), workers="x"), "workers: 'x' is not allowed"),
    "goals": (lambda: sim.plan(scenario_of(), {PLACES: "1..4"}, 3), "goal: 3 is not allowed"),
    "tolerance": (
        lambda: sim.policy(scenario_of(), tolerance="x"),
        "tolerance: 'x' is not allowed; 0.001 to 0.5",
    ),
    "samples": (
        lambda: sim.sensitivity(scenario_of(), TWO, samples="a"),
        "samples: 'a' is not allowed; a power",
    ),
    "processes": (
        lambda: sim.run(scenario_of(), processes=3),
        "processes: 3 is not allowed; generator functions",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_studies__an_argument_of_another_type_is_named(case):
    """The refusal names the argument, quotes what was given, and says what is allowed."""
    call, message = WRONG[case]

    with pytest.raises(sim.ScenarioError) as refused:
        call()

    assert message in str(refused.value)


def test_studies__one_metric_may_be_a_single_text():
    """A text is one name, not one a letter."""
    found = sim.sensitivity(scenario_of(20), TWO, metrics="attempts", samples=8)

    assert found.metrics == ("attempts",)
