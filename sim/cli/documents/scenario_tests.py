"""The documents of `validate`, `check` and `diff`."""

from __future__ import annotations

from sim.cli.documents.base import ErrorPart, Part, ProblemPart


class ValidatedPart(Part):
    """A scenario file that was checked."""

    file: str
    """Its name."""
    valid: bool
    """Whether nothing is wrong with it."""
    problems: list[ProblemPart]
    """What is wrong with it."""
    warnings: list[ProblemPart]
    """What is allowed but probably not meant."""


class ValidateDocument(Part):
    """What is wrong with scenario files."""

    files: list[ValidatedPart]
    """The files, in the order given."""
    error: ErrorPart | None = None
    """The problems of all files together; absent if there are none."""


class ItemPart(Part):
    """One test of a scenario."""

    what: str
    """Key of the line of `expect` as the file has it, or `baseline`."""
    cohort: str | None
    """Cohort that is meant; null for the fleet and for the baseline."""
    line: int | None
    """Line in the file, from 1; null for the baseline."""
    expected: str | None
    """What the line says; null for the baseline."""
    passed: bool
    """Whether it passed."""
    text: str
    """What a reader must know if it did not; the value if it did."""
    note: str | None
    """What a reader should know although it passed."""
    figure: str | None
    """File with both completion curves, if one was drawn."""


class CheckedPart(Part):
    """A scenario that was tested."""

    file: str
    """Its file."""
    passed: bool
    """Whether it is well-formed and all its tests passed."""
    problems: list[ProblemPart]
    """What is wrong with the file; then there are no tests."""
    items: list[ItemPart]
    """Its tests: a line of `expect` each, then the baseline."""


class CheckDocument(Part):
    """What became of tests of scenarios."""

    passed: bool
    """Whether everything passed."""
    scenarios: list[CheckedPart]
    """The scenarios."""
    unused_baselines: list[str]
    """Baselines that no scenario has."""
    error: ErrorPart | None = None
    """The problems of all files together; absent if there are none."""
