"""Tables that can't be read: which file it is, and what to do, instead of Arrow's own error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def undamaged(path: Path, remedy: str = "run the scenario again") -> Iterator[None]:
    """Turn what Arrow says of a table that it can't read into an error about the file.

    Args:
        path: The file that is read inside.
        remedy: How to get another one.

    Raises:
        ScenarioError: It is cut off, overwritten or no table at all. What the system refuses (a file without
            permission, one that is not there) stays an `OSError`.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        # Arrow quotes what it met, which may be anything.
        text = "".join(letter if letter.isprintable() else " " for letter in str(error))
        message = f"is damaged ({type(error).__name__}: {' '.join(text.split())}); {remedy}"
        raise ScenarioError([Problem("", message, file=str(path))]) from None
