"""What assistants may ask for over MCP: the tools, their arguments, and what they answer.

A tool answers with the document that its command prints with `--json`. Nothing is written unless the
argument `out` says where; a folder that holds something else is refused as the command refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from sim.cli.explain import explain_document
from sim.cli.run import run_document
from sim.cli.study import whole_document
from sim.cli.tool_arguments import argument_problems
from sim.cli.validate import checked_file, validate_document
from sim.errors import Problem, ScenarioError
from sim.planes.choice import PlaneChoice, choose_plane
from sim.scenario import load_scenario, parse_scenario

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.study.display.answer import StudyAnswer

_TEXT: Final = "<scenario>"
"""Name of a scenario that came as text."""


class _Asked(BaseModel):
    """Arguments of a tool."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    scenario: str
    """Path of a scenario file; or the scenario itself, as YAML of several lines."""

    def loaded(self) -> Scenario:
        """Return the scenario."""
        return _load(self.scenario)


class _Validate(_Asked):
    """Say everything that is wrong with a scenario, without running it."""


class _Run(_Asked):
    """Simulate a campaign: how many devices are upgraded and when, what failed, what limited it."""

    seed: int | None = None
    """Key of all draws instead of the scenario's."""
    replications: int | None = None
    """Runs with other draws instead of the scenario's number."""
    plane: PlaneChoice = "auto"
    """How devices are simulated; the results are the same."""
    out: str | None = None
    """Folder for result files, new or of this scenario; nothing is written without it."""


class _Plan(_Asked):
    """Find the smallest (or largest) value of a field with which goals hold."""

    vary: dict[str, str]
    """Field by its path, and the range to look in, like {"platform.max_processing": "50..20000"}; a second
    field asks for the answer at each of its values."""
    goals: list[str]
    """What must hold together, like "time_to_success.p99 <= 8 h"."""
    confidence: str | float = 0.9
    """In which share of replications."""
    largest: bool = False
    """Look for the largest value."""
    replications: int | None = None
    """Runs at each value; the scenario's number, at least 30, if absent."""
    seed: int | None = None
    """Key of all draws instead of the scenario's."""
    out: str | None = None
    """Folder for result files; what is there of the same study is not computed again."""


class _Policy(_Asked):
    """Find the automatic retry policies that no other one beats, and compare the console's advice."""

    replications: int | None = None
    """Runs of each policy on the front; the scenario's number, at least 10, if absent."""
    exhaustive: bool = False
    """Look at all 7,201 policies."""
    seed: int | None = None
    """Key of all draws instead of the scenario's."""
    out: str | None = None
    """Folder for result files; what is there of the same study is not computed again."""


class _Explain(_Asked):
    """Say what limits a campaign; or, with a device, what it did and what would have saved it."""

    device_id: str | None = None
    """Device, like meter-0000042; without one, the campaign."""
    seed: int | None = None
    """Key of all draws instead of the scenario's."""
    replication: int = 0
    """Which run of that seed."""
    out: str | None = None
    """PNG file for a picture of the device's story; nothing is written without it."""


class Tool(NamedTuple):
    """Something that can be asked for.

    Attributes:
        asked: What it takes; its docstring says what the tool is for.
        answer: Returns the document for checked arguments.
    """

    asked: type[BaseModel]
    answer: Callable[[Any], dict[str, Any]]

    def document(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the tool answers.

        Args:
            arguments: As the client sent them.

        Raises:
            ScenarioError: They, or the scenario, are wrong.
        """
        try:
            asked = self.asked.model_validate(arguments)
        except ValidationError as error:
            raise ScenarioError(argument_problems(error, self.asked)) from None
        return self.answer(asked)


def _load(scenario: str) -> Scenario:
    """Return the scenario of a file, or of a text."""
    return parse_scenario(scenario, _TEXT) if "\n" in scenario else load_scenario(scenario)


def _validate(asked: _Validate) -> dict[str, Any]:
    """Check a scenario."""
    name = _TEXT if "\n" in asked.scenario else asked.scenario
    return validate_document([checked_file(name, asked.loaded)])


def _run(asked: _Run) -> dict[str, Any]:
    """Run a scenario."""
    from sim.results.files.write import check_folder
    from sim.results.runner import run

    loaded = asked.loaded()
    if asked.out is not None:
        check_folder(Path(asked.out), loaded.name)
    runs = asked.replications or loaded.run.replications
    plane = choose_plane(asked.plane, loaded, runs=runs, is_quiet=True)
    result = run(loaded, seed=asked.seed, replications=asked.replications, plane=plane)
    if asked.out is None:
        return run_document(result)
    return run_document(result, Path(asked.out), result.save(asked.out))


def _plan(asked: _Plan) -> dict[str, Any]:
    """Search for a capacity."""
    from sim.study import plan

    found = plan(
        asked.loaded(),
        asked.vary,
        asked.goals,
        confidence=asked.confidence,
        largest=asked.largest,
        replications=asked.replications,
        seed=asked.seed,
        folder=asked.out,
    )
    return _study(found, asked.out)


def _policy(asked: _Policy) -> dict[str, Any]:
    """Search for retry policies."""
    from sim.study import policy

    found = policy(
        asked.loaded(),
        replications=asked.replications,
        exhaustive=asked.exhaustive,
        seed=asked.seed,
        folder=asked.out,
    )
    return _study(found, asked.out)


def _study(found: StudyAnswer, out: str | None) -> dict[str, Any]:
    """Return what a study found, and the files that it wrote."""
    if out is None:
        return whole_document(found)
    names = sorted(entry.name for entry in Path(out).iterdir() if entry.is_file())
    return whole_document(found, Path(out), names)


def _explain(asked: _Explain) -> dict[str, Any]:
    """Explain a campaign or a device."""
    from sim.explain import explain, limits

    if asked.device_id is None:
        if asked.out is not None:
            raise ScenarioError([Problem("out", "draws the story of a device; name one with device_id")])
        return explain_document(limits(asked.loaded(), seed=asked.seed, replication=asked.replication))
    out = None if asked.out is None else Path(asked.out)
    if out is not None and out.suffix.lower() != ".png":
        raise ScenarioError([Problem("out", f"'{out}' is no name of a PNG file; end it with .png")])
    story = explain(asked.loaded(), asked.device_id, seed=asked.seed, replication=asked.replication)
    if out is not None:
        story.save(out)
    return explain_document(story, out)


TOOLS: Final = {
    "validate": Tool(_Validate, _validate),
    "run": Tool(_Run, _run),
    "plan": Tool(_Plan, _plan),
    "policy": Tool(_Policy, _policy),
    "explain": Tool(_Explain, _explain),
}
"""By name, which is that of the command."""
