"""A scenario as whoever simulates meets it: made of a file, changed, warned about.

`Scenario` adds to the plain values of `sim.scenario.model` what needs the rooms above them: other values
are put into the source, which is built again, and warnings are read off the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from sim.errors import Problem, ScenarioError
from sim.scenario.editing.edit import changed
from sim.scenario.editing.paths import PathError, completed
from sim.scenario.load import load
from sim.scenario.model import ScenarioValues
from sim.scenario.section import Part
from sim.scenario.short.dates import has_date
from sim.scenario.short.selectors import is_selector
from sim.scenario.source import Source, plain_copy, read_file, read_text, yaml_text
from sim.scenario.warnings import advice
from sim.units import shown


class Scenario(ScenarioValues):
    """A scenario: what a file says, checked, with every default filled in.

    Make one with `load_scenario`, `parse_scenario` or `make_scenario`; they check what binds several
    sections together, which the constructor does not.
    """

    def __repr__(self) -> str:
        """Return one line that tells scenarios apart; `as_dict` and `source_text` say all of it."""
        cohorts = len(self.fleet.cohorts)
        size = f"{self.n_devices:,} devices in {cohorts:,} cohort{'' if cohorts == 1 else 's'}"
        name = self.source.name
        return f"<Scenario {self.name}: {size}{'' if name is None else f', from {name}'}>"

    __str__ = __repr__

    @property
    def source_text(self) -> str:
        """The file's text; of a scenario made otherwise, YAML that says the same."""
        return yaml_text(self.source.data) if self.source.text is None else self.source.text

    def warnings(self) -> list[Problem]:
        """Return what is allowed but was probably not meant.

        Returns:
            In the order of the file, then those about its inventory; empty if there is nothing to say.
        """
        listed = () if self.inventory is None else self.inventory.warnings
        return [
            *sorted(_once(map(self.source.problem, advice(self))), key=Problem.position),
            *listed,
        ]

    def with_values(self, values: Mapping[str, Any]) -> Scenario:
        """Return the scenario with other values in some places, checked again.

        Args:
            values: New value by path, as a file would write it: `{"platform.bandwidth": "500 Mbit/s"}`. An
                item of a list goes by its name or position: `fleet.cohorts.gateway-4g.devices`,
                `campaign.waves[0].share`. Sections that the file lacks are made; None unsets a value.

        Returns:
            A new scenario; this one stays as it is.

        Raises:
            ScenarioError: A path leads nowhere, or the scenario would be wrong; with all problems.
        """
        problems = _values_problems(values)
        if problems:
            raise ScenarioError(problems)
        labels = None if self.inventory is None else self.inventory.labels
        after = changed(self.source, values, labels)
        touched = {re.split(r"[.\[]", self.full_path(path), maxsplit=1)[0] for path in values}
        if "fleet" in touched and any(map(is_selector, self._chosen_for_waves())):
            touched.add("campaign")
        if "run" in touched and self._has_dated_waves():
            touched.add("campaign")
        given = ((name, getattr(self, name)) for name in self.source.data if name not in touched)
        checked = {name: section for name, section in given if isinstance(section, Part)}
        return load(after, Scenario, None if "fleet" in touched else self.inventory, checked)

    def full_path(self, path: str) -> str:
        """Return a path to a value from the top.

        Args:
            path: The same, or the end of exactly one path of this scenario, like `max_processing`.

        Raises:
            ScenarioError: No path ends so, or several do, which are named then.
        """
        try:
            return completed(self.source.data, path)
        except PathError as error:
            raise ScenarioError([Problem(path, str(error), file=self.source.name)]) from None

    def _has_dated_waves(self) -> bool:
        """Tell whether a wave begins at a date, which counts from the start of the run."""
        begins = (wave.get("begin") for wave in self.source.data["campaign"].get("waves") or ())
        return any(isinstance(begin, Mapping) and has_date(begin.get("at")) for begin in begins)

    def _chosen_for_waves(self) -> Iterator[str]:
        """Yield whom waves choose, as the file writes it: a name, a pattern, a label."""
        for wave in self.source.data["campaign"].get("waves") or ():
            chosen = wave.get("cohorts") or ()
            yield from (chosen,) if isinstance(chosen, str) else chosen


def _values_problems(given: object) -> list[Problem]:
    """Return what is wrong with new values by path that come from no file."""
    if isinstance(given, Mapping) and all(isinstance(path, str) for path in given):
        return []
    path, is_told, value = given.partition("=") if isinstance(given, str) else ("", "", "")
    example = {path.strip(): value.strip()} if is_told else {"platform.bandwidth": "500 Mbit/s"}
    allowed = f"a mapping of new values by path, like {example}"
    return [Problem("values", f"{shown(given)} is not allowed; {allowed}")]


ScenarioLike = Scenario | str | FilePath | Mapping[str, Any]
"""A scenario, the path of its file, or a mapping with what a file would hold."""


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield problems, those that cohorts of one template share but for names and numbers only once."""
    alike: dict[tuple[str, tuple[int, int], str], list[Problem]] = {}
    for problem in problems:
        message = re.sub(r"'[^']*'|[0-9][0-9.,]*", "", problem.message)
        alike.setdefault((problem.path, problem.position(), message), []).append(problem)
    for first, *others in alike.values():
        more = f"; so it is {len(others):,} times more" if others and first.line is not None else ""
        yield replace(first, message=first.message + more)
        if not more:
            yield from others


def load_scenario(scenario: ScenarioLike) -> Scenario:
    """Read and check a scenario.

    Args:
        scenario: The path of a file (YAML 1.2 in UTF-8), or a mapping with what a file would hold. A scenario
            comes back as it is.

    Returns:
        The scenario.

    Raises:
        ScenarioError: The file can't be read, or something in it is wrong; with all problems.

    Example:
        >>> sim.load_scenario("scenarios/quickstart.yaml").n_devices
        10000
    """
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, Mapping):
        return make_scenario(scenario)
    if isinstance(scenario, str) and "\n" in scenario:
        message = "a text of several lines is no path; read it with sim.scenario.parse_scenario"
        raise ScenarioError([Problem("scenario", message)])
    if not isinstance(scenario, str | FilePath):
        raise ScenarioError([_no_scenario(scenario)])
    return load(read_file(scenario), Scenario)


def _no_scenario(given: object) -> Problem:
    """Say what a scenario may be given as."""
    allowed = "a Scenario, the path of a file, or a mapping like {'fleet': ..., 'campaign': ...}"
    return Problem("scenario", f"{shown(given)} is no scenario; allowed are {allowed}")


def parse_scenario(text: str, name: str = "<string>", *, folder: str | FilePath = ".") -> Scenario:
    """Check the text of a scenario file.

    Args:
        text: YAML 1.2.
        name: Name for messages.
        folder: Where a relative name of an inventory begins.

    Returns:
        The scenario.

    Raises:
        ScenarioError: Something is wrong; with all problems.
    """
    return load(read_text(text, name, FilePath(folder)), Scenario)


def make_scenario(values: Mapping[str, Any], *, folder: str | FilePath = ".") -> Scenario:
    """Check a scenario made of plain Python values.

    Args:
        values: What a file would hold: mappings, lists, text like `90 s`, numbers.
        folder: Where a relative name of an inventory begins.

    Returns:
        The scenario.

    Raises:
        ScenarioError: Something is wrong; with all problems.
    """
    return load(Source(plain_copy(values), folder=FilePath(folder)), Scenario)
