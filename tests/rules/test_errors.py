"""The exception tree survives what SimPy and pickle do to exceptions, and reads well."""

import pickle

import pytest

from sim.errors import ApiError, FleetError, ModelError, Problem, ScenarioError

PROBLEMS = (
    Problem("campaign.task_policy.retry_count", "6 is not in 0 to 5", 12, 5, "city.yaml"),
    Problem("fleet", "is missing", file="city.yaml"),
)
ERRORS = [ScenarioError(PROBLEMS), ModelError("counts differ: 3, 4"), ApiError(404, "IOTDA.0", "Gone.")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_error__rebuilt_from_its_args(error):
    """Made again from its args, or pickled, an error keeps its type, text and attributes."""
    for again in (type(error)(*error.args), pickle.loads(pickle.dumps(error))):
        assert isinstance(again, FleetError)
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_scenario_error__one_problem_per_line():
    """All problems are printed, each with file, line, column and path as far as known."""
    assert str(ScenarioError(PROBLEMS)) == (
        "city.yaml:12:5: campaign.task_policy.retry_count: 6 is not in 0 to 5\ncity.yaml: fleet: is missing"
    )


def test_scenario_error__keeps_the_problems():
    """Any iterable of problems is kept as a tuple, in its order."""
    assert ScenarioError(iter(PROBLEMS)).problems == PROBLEMS


def test_scenario_error__needs_a_problem():
    """An error without a problem can't be made."""
    with pytest.raises(ValueError, match="at least one problem"):
        ScenarioError([])


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("", "is empty", file="a.yaml"), "a.yaml: is empty"),
        (Problem("run", "is no mapping", 3, None, "a.yaml"), "a.yaml:3: run: is no mapping"),
        (Problem("run", "is no mapping", 3, 7), "line 3, column 7: run: is no mapping"),
        (Problem("run", "is no mapping"), "run: is no mapping"),
    ],
)
def test_problem__says_what_is_known(problem, text):
    """Parts of the place that are not known are left out, not printed as None."""
    assert str(problem) == text


def test_api_error__text():
    """An API error names status, code and message."""
    assert str(ApiError(400, "IOTDA.000006", "Invalid input data.")) == (
        "400 IOTDA.000006: Invalid input data."
    )
