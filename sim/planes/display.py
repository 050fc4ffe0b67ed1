"""What is shown while kernels are compiled: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import shutil
import time
from typing import IO, Any, Final, Protocol

_COLUMNS: Final = 100  # of a terminal that does not tell
_LINE_S: Final = 5.0
"""Between two lines where there is no terminal to draw a bar on."""


class Display(Protocol):
    """Shows how far the compiler is."""

    def show(self, done: int, total: int, name: str) -> None:
        """Show it; called twice a second and whenever something changes.

        Args:
            done: Functions compiled.
            total: All functions.
            name: What is being compiled; empty if nothing.
        """

    def close(self, done: int) -> None:
        """End; so many functions were compiled."""


class SilentDisplay:
    """Shows nothing."""

    def show(self, done: int, total: int, name: str) -> None:
        """Show nothing."""

    def close(self, done: int) -> None:
        """Show nothing."""


class LineDisplay:
    """Writes a line now and then."""

    def __init__(self, stream: IO[str]) -> None:
        """Write to a stream, the first line when there is something to compile."""
        self._stream = stream
        self._begin_s = time.monotonic()
        self._next_s = 0.0

    def show(self, done: int, total: int, name: str) -> None:
        """Write a line if the last one is old enough."""
        now_s = time.monotonic() - self._begin_s
        if name and now_s >= self._next_s:
            self._next_s = now_s + _LINE_S
            self._say(f"Compiling kernels: {done} of {total} functions after {now_s:.0f} s, now {name}")

    def close(self, done: int) -> None:
        """Write that it is over, if anything was compiled."""
        if done:
            now_s = time.monotonic() - self._begin_s
            self._say(f"Compiled {done} functions in {now_s:.0f} s")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarDisplay:
    """Draws a bar on a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        """Draw on a stream, from when there is something to compile."""
        self._stream = stream
        self._bar: Any = None

    def show(self, done: int, total: int, name: str) -> None:
        """Draw the bar anew."""
        if self._bar is None:
            if not name:
                return
            from tqdm import tqdm

            layout = "{desc}: {n_fmt} of {total_fmt} functions |{bar}| {elapsed} elapsed{postfix}"
            self._bar = tqdm(
                total=total,
                desc="compiling kernels, once",
                file=self._stream,
                bar_format=layout,
                ncols=shutil.get_terminal_size((_COLUMNS, 24)).columns,
                mininterval=0,
                leave=False,
            )
        self._bar.n = done
        self._bar.set_postfix_str(name, refresh=True)

    def close(self, done: int) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def display_on(stream: IO[str]) -> Display:
    """Return a bar if the stream is a terminal, lines otherwise."""
    return BarDisplay(stream) if stream.isatty() else LineDisplay(stream)
