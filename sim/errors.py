"""The one exception tree.

What is caught where: the command line and the HTTP layer catch exactly `FleetError`; everything
else is a bug and may show its traceback.

Every class hands *all* of its constructor arguments to `super().__init__` and makes its text in
`__str__`: SimPy re-raises a process's error as `type(error)(*error.args)`, and pickle rebuilds it
the same way between worker processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


class FleetError(Exception):
    """Base of every error that this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, and where.

    Attributes:
        path: Place inside the document, like `campaign.waves[1].share`; empty for the whole document.
        message: What was given and what is allowed.
        line: Line in `file`, from 1; None if unknown.
        column: Column in that line, from 1; None if unknown or if `line` is.
        file: Name of the file as the user wrote it; None for an input that is not a file.
        given: What stands there, as plain data; None if that is nothing, or no single value.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    file: str | None = None
    given: object = field(default=None, compare=False, repr=False)

    def position(self) -> tuple[int, int]:
        """Return line and column, 0 where unknown: the key that sorts problems as the file has them."""
        return self.line or 0, self.column or 0

    def __str__(self) -> str:
        """Return `file:line:column: path: message` without the parts that are not known."""
        numbers = [str(n) for n in (self.line, self.column) if n is not None]
        if self.file is not None:
            place = ":".join([self.file, *numbers])
        elif self.line is not None:
            named = zip(("line", "column"), numbers, strict=False)
            place = ", ".join(f"{name} {number}" for name, number in named)
        else:
            place = ""
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ScenarioError(FleetError):
    """The user's input is wrong and the user can fix it; carries everything found at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Collect the problems, in the order in which they should be read.

        Args:
            problems: At least one.

        Raises:
            ValueError: There is no problem, so there is no error to raise.
        """
        self.problems: tuple[Problem, ...] = tuple(problems)
        if not self.problems:
            raise ValueError("a ScenarioError needs at least one problem")
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one problem per line."""
        return "\n".join(str(problem) for problem in self.problems)


class ModelError(FleetError):
    """An invariant of the model broke: a fault of this package, not of its user."""

    def __init__(self, message: str) -> None:
        """Say which invariant broke, with the values that broke it.

        Args:
            message: One sentence.
        """
        self.message = message
        super().__init__(message)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.message


class ApiError(FleetError):
    """An API call is refused as a whole.

    Partial failure is not an error: the call answers 200 and says per target what happened.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        """Name the refusal as the wire does.

        Args:
            status: HTTP status, 400-599, or 200 for the few codes that travel under it.
            code: Vendor's error code, like `IOTDA.000006`.
            message: Vendor's error text.
        """
        self.status = status
        self.code = code
        self.message = message
        super().__init__(status, code, message)

    def __str__(self) -> str:
        """Return `status code: message`."""
        return f"{self.status} {self.code}: {self.message}"
