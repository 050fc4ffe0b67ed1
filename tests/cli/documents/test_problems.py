"""Problems as plain data: what was given, what is allowed, what was meant."""

import pytest

from sim.cli.documents.problems import problem_dict
from sim.errors import Problem, ScenarioError
from sim.scenario import parse_scenario

BROKEN = """\
fleet: {cohorts: [{name: gateway, devices: 5}]}
campaign:
  package: {version: "2.0", size: 1 MiB}
  task_policy: {retry_count: 9}
platform: {bandwith: 1 MB/s, max_processing: many}
stages: {install: {constant: 5}}
"""


def test_problem_dict__of_a_file():
    """Line and column, what stands there with its type, what is allowed and what was meant."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(BROKEN, "a.yaml")

    found = {problem.path: problem_dict(problem) for problem in caught.value.problems}
    count = found["campaign.task_policy.retry_count"]
    assert (count["file"], count["line"], count["column"]) == ("a.yaml", 4, 30)
    assert (count["given"], count["allowed"]) == (9, "a whole number from 0 to 5")
    key = found["platform.bandwith"]
    assert (key["given"], key["suggestion"]) == ("bandwith", "bandwidth")
    assert key["allowed"].startswith("max_processing, ")
    assert found["platform.max_processing"]["given"] == "many"
    assert found["stages.install.constant"]["given"] == 5
    assert "units: ms, s, min, h, d" in found["stages.install.constant"]["allowed"]


@pytest.mark.parametrize(
    ("message", "given", "allowed", "suggestion"),
    [
        ("9 is not allowed; at least 10", "9", "at least 10", None),
        (
            "unknown metric 'makespn'; did you mean 'makespan'? allowed: a, makespan",
            "makespn",
            "a, makespan",
            "makespan",
        ),
        ("8 d is too far ahead; at most 7 d", "8 d", "at most 7 d", None),
        ("the fleet has no device 'x'; did you mean 'x-1' or 'x-2'?", None, None, "x-1"),
        ("is required: the package", None, None, None),
    ],
)
def test_problem_dict__of_what_is_no_file(message, given, allowed, suggestion):
    """What the message says of it is taken from there."""
    found = problem_dict(Problem("--x", message))

    assert (found["given"], found["allowed"], found["suggestion"]) == (given, allowed, suggestion)
    assert (found["message"], found["path"], found["file"]) == (message, "--x", None)
