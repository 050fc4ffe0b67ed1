"""What documents are made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ProblemPart(Part):
    """One thing that is wrong with an input, or one warning, and where it stands."""

    file: str | None
    """Name of the file as it was given; null for an input that is no file, like an option."""
    line: int | None
    """Line in the file, from 1; null if unknown."""
    column: int | None
    """Column in the line, from 1; null if unknown."""
    path: str
    """Place in the scenario, like `campaign.waves[1].share`, or name of the option; empty for all of it."""
    given: str | int | float | bool | None
    """What stands there; null if that is nothing, or no single value."""
    allowed: str | None
    """What is allowed, in words; null if the message says nothing of it."""
    suggestion: str | None
    """What was probably meant; null if nothing is near."""
    message: str
    """What is wrong, in words, with what was given and what is allowed."""


class ErrorPart(Part):
    """Why there is no answer."""

    kind: str
    """`input` (a scenario, a folder, a value), `usage` (the command line), `system` (a file, the disk),
    `memory`, `interrupted`, or `internal`: a fault of the simulator, whose trace is on standard error."""
    message: str
    """All of it in words."""
    problems: list[ProblemPart]
    """What is wrong with the input, one by one; empty if the input is not at fault."""


class ErrorDocument(Part):
    """What every command prints instead of its own document if it fails; the exit code is 2, 70 or 130."""

    error: ErrorPart
    """What went wrong."""


class Estimate(Part):
    """A mean over replications."""

    mean: float | None
    """The mean; null where it is not defined, like a time that was never reached."""
    low: float | None
    """Lower end of the 95 % interval of the mean; null for a single replication."""
    high: float | None
    """Its upper end."""


class Written(Part):
    """What the command knows beside the answer."""

    warnings: list[ProblemPart]
    """What the scenario allows itself that was probably not meant."""
    folder: str | None
    """Folder of the results; null if nothing was written."""
    files: list[str]
    """Names of the files in it."""


Values = dict[str, Any]
"""Values of fields as a scenario file writes them, by path."""
