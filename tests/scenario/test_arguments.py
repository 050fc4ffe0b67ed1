"""Arguments that come from Python: what is refused, and what the refusal says."""

import numpy as np
import pytest

import sim
from sim.scenario import make_scenario
from sim.scenario.arguments import choice_problems, count_problems, known_keywords
from sim.scenario.values import seed_problems

VALUES = {
    "name": "six",
    "fleet": {"cohorts": [{"name": "a", "devices": 6}]},
    "campaign": {"package": {"version": "2", "size": "1 MB"}},
}


@known_keywords("folder")
def _study(scenario, *, seed=None, **options):
    """Take a scenario, a seed and options."""
    return scenario, seed, options


def test_known_keywords__what_is_known_goes_through():
    """Own keywords and those that are handed on arrive as they were given."""
    assert _study("file", seed=3, folder="out") == ("file", 3, {"folder": "out"})


def test_known_keywords__a_misspelt_one_is_named_with_the_one_that_was_meant():
    """The refusal says what was probably meant, and all that is allowed."""
    message = r"^_study\(\): unknown keyword 'sed'; did you mean 'seed'\? allowed: scenario, seed, folder$"
    with pytest.raises(TypeError, match=message):
        _study("file", sed=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "'scenario' is missing; it takes scenario; by name: seed, folder"),
        ((VALUES, 3), "2 arguments without a name are too many; it takes scenario; by name: seed, folder"),
    ],
)
def test_known_keywords__too_few_or_too_many_are_told_what_there_is(arguments, message):
    """Instead of the interpreter's words, which don't say what could be given."""
    with pytest.raises(TypeError, match=rf"^_study\(\): {message}$"):
        _study(*arguments)


def test_known_keywords__a_method_is_given_itself():
    """Its instance is nobody's argument."""

    class Answer:
        @known_keywords()
        def plot(self, metric, axes=None):
            return metric, axes

    assert Answer().plot("makespan", axes=1) == ("makespan", 1)
    with pytest.raises(TypeError, match=r"^plot\(\): 'metric' is missing; it takes metric, axes$"):
        Answer().plot()
    with pytest.raises(TypeError, match=r"^plot\(\): 3 arguments without a name are too many; it takes"):
        Answer().plot(1, 2, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("run.seed=2", r"values: 'run.seed=2' is not allowed; a mapping .* like \{'run.seed': '2'\}"),
        (3, r"values: 3 is not allowed; a mapping .* like \{'platform.bandwidth': '500 Mbit/s'\}"),
        ({3: 4}, "values: .* is not allowed; a mapping of new values by path"),
    ],
)
def test_with_values__takes_a_mapping(values, message):
    """What is none is answered with how it would be written."""
    with pytest.raises(sim.ScenarioError, match=message):
        make_scenario(VALUES).with_values(values)


def test_scenario__is_one_line():
    """Whoever leaves it at the end of a cell reads its name and size, not all its values."""
    assert (
        repr(make_scenario(VALUES)) == str(make_scenario(VALUES)) == "<Scenario six: 6 devices in 1 cohort>"
    )


@pytest.mark.parametrize("name", ["limits", "plan", "policy", "replicate", "run", "sensitivity", "sweep"])
def test_sim__no_function_takes_an_unknown_keyword(name):
    """No public function swallows a keyword that it does not know."""
    with pytest.raises(
        TypeError, match=rf"^{name}\(\): unknown keyword 'sed'; did you mean 'seed'\? allowed: "
    ):
        getattr(sim, name)(VALUES, sed=3)


@pytest.mark.parametrize("count", [None, 1, np.int64(7)])
def test_count_problems__whole_numbers_from_one_are_fine(count):
    """Numbers of Python and of NumPy are taken, and nothing at all."""
    assert count_problems("replications", count) == []


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "replications: 0 is not allowed; at least 1"),
        (2.5, "replications: 2.5 is not allowed; a whole number, at least 1"),
        ("a", "replications: 'a' is not allowed; a whole number, at least 1"),
        (True, "replications: true is not allowed; a whole number, at least 1"),
    ],
)
def test_count_problems__anything_else_is_refused(count, message):
    """What is no number of replications is quoted as a file's value would be."""
    assert [str(problem) for problem in count_problems("replications", count)] == [message]


@pytest.mark.parametrize(("seed", "quoted"), [("a", "'a'"), (-1, "-1"), (2**64, str(2**64)), (1.0, "1.0")])
def test_seed_problems__a_seed_is_a_whole_number(seed, quoted):
    """A seed of another type is refused like one that is too large."""
    (problem,) = seed_problems(seed)

    assert str(problem) == f"seed: {quoted} is not allowed; a whole number from 0 to 2^64 - 1"


@pytest.mark.parametrize("word", [None, 3, ["compiled"], "paper"])
def test_choice_problems__a_word_is_one_of_those_allowed(word):
    """What is no word at all is refused like an unknown one."""
    (problem,) = choice_problems("plane", word, ("compiled", "simpy"))

    assert str(problem).endswith(" is not known; allowed are 'compiled', 'simpy'")


def test_load_scenario__takes_what_a_file_would_hold():
    """A mapping, a scenario: the same scenario comes of both."""
    scenario = sim.load_scenario(VALUES)

    assert scenario.digest == make_scenario(VALUES).digest
    assert sim.load_scenario(scenario) is scenario


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "scenario: 3 is no scenario; allowed are a Scenario, the path of a file, or a mapping"),
        (None, "scenario: nothing is no scenario; allowed are"),
        (["a.yaml"], "scenario: a list is no scenario; allowed are"),
        ("fleet: 1\ncampaign: 2\n", "scenario: a text of several lines is no path; read it with"),
        ({"fleet": {}}, "campaign: is required"),
    ],
)
def test_load_scenario__what_is_no_scenario_is_refused_in_words(given, message):
    """Wrong types are answered as wrong values are."""
    with pytest.raises(sim.ScenarioError) as refused:
        sim.load_scenario(given)

    assert message in str(refused.value)


def test_run__everything_wrong_is_said_at_once():
    """Seed, replications and plane are complained of together."""
    with pytest.raises(sim.ScenarioError) as refused:
        sim.run(VALUES, seed="a", replications=0, plane="paper")

    assert [problem.path for problem in refused.value.problems] == ["seed", "replications", "plane"]
