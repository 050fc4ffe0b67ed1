"""What long work says of itself: a bar on a terminal, a line now and then elsewhere.

Decisions:
- *A thread shows it*, instead of whoever does the work whenever it happens to have come further: a kernel
  may take a minute from one report to the next, and a person must see from the first second that something
  goes on.
- *Short work says nothing.* A bar that goes away may come after a second; in a log, where each line stays,
  what is over within two seconds needs no words.
- *Lines are ten seconds apart*: a log of an hour has some hundred of them, and a job whose output is watched
  for life signs is not ended.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

_FIRST_S: Final = 1.0
"""Work that is over by then shows no bar; one that writes lines waits longer."""

_LINE_S: Final = 10.0
_BAR_S: Final = 0.5
_COLUMNS: Final = 100
_SURE_S: Final = 5.0
"""After so long it is said how much longer it may take."""


class _Drawing(Protocol):
    """Shows how far some work is."""

    every_s: float
    patience: float
    """How many times `_FIRST_S` work may take until something is shown."""

    def draw(self, what: str, done: float, total: float, unit: str, passed_s: float) -> None:
        """Show it."""

    def close(self) -> None:
        """Leave nothing behind that would be in the way."""


class Progress:
    """Shows how far some work is. Use it as a context: leaving it ends the showing."""

    def __init__(
        self,
        what: str,
        *,
        total: float = 0.0,
        unit: str = "",
        shown: bool = True,
        stream: IO[str] | None = None,
    ) -> None:
        """Begin to count the time.

        Args:
            what: What is being done, like `simulating`.
            total: How much there is to do; 0 if nobody knows.
            unit: What is counted, like `runs`; empty for a share.
            shown: Whether to show anything at all.
            stream: Where; None for standard error.
        """
        self._what, self._unit = what, unit
        self._total, self._done = total, 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._begin_s = time.monotonic()
        self._drawing = _drawing_on(sys.stderr if stream is None else stream)
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
        if shown:
            self._thread.start()

    def more(self, amount: float) -> None:
        """Raise what there is to do."""
        with self._lock:
            self._total += amount

    def advance(self, amount: float) -> None:
        """Count what is done."""
        with self._lock:
            self._done += amount

    def reach(self, done: float) -> None:
        """Say how much is done in all; less than before counts for nothing."""
        with self._lock:
            self._done = max(self._done, done)

    def close(self) -> None:
        """Show nothing any more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show nothing any more."""
        self.close()

    def _show(self) -> None:
        """Draw from time to time, from when the work begins to be long."""
        pause_s = _FIRST_S * self._drawing.patience
        with suppress(OSError, ValueError):  # whoever watched has gone; the work goes on
            while not self._over.wait(pause_s):
                with self._lock:
                    done, total = self._done, self._total
                self._drawing.draw(self._what, done, total, self._unit, time.monotonic() - self._begin_s)
                pause_s = self._drawing.every_s
            self._drawing.close()


class _Lines:
    """Writes a line each time."""

    every_s = _LINE_S
    patience = 2.0

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def draw(self, what: str, done: float, total: float, unit: str, passed_s: float) -> None:
        """Write how far it is."""
        self._stream.write(f"{line_of(what, done, total, unit, passed_s)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the lines."""


class _Bar:
    """Draws a bar; in a notebook a widget."""

    every_s = _BAR_S
    patience = 1.0

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream
        self._bar: Any = None

    def draw(self, what: str, done: float, total: float, unit: str, passed_s: float) -> None:
        """Draw the bar anew."""
        if self._bar is None:
            self._bar = self._begun(what, total, unit)
            self._bar.start_t -= passed_s
        self._bar.total, self._bar.n = total or None, min(done, total) if total else done
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _begun(self, what: str, total: float, unit: str) -> Any:
        """Return a bar."""
        from tqdm.auto import tqdm  # a fiftieth of a second, and a second in a notebook

        count = "{n:,.0f} of {total:,.0f} " + unit if unit else "{percentage:.0f} %"
        layout = f"{{desc}}: {count} |{{bar}}| {{elapsed}} elapsed, {{remaining}} left"
        columns, rows = shutil.get_terminal_size((_COLUMNS, 24))  # some pseudo-terminals have none
        more = {} if self._stream is None else {"file": self._stream, "ncols": columns, "nrows": rows}
        return tqdm(
            total=total or None,
            desc=what,
            bar_format=layout if total else "{desc}: {elapsed} elapsed",
            leave=False,
            mininterval=0,
            **more,
        )


def line_of(what: str, done: float, total: float, unit: str, passed_s: float) -> str:
    """Return how far some work is, in a line.

    Args:
        what: What is being done.
        done: How much is done.
        total: How much there is to do; 0 if nobody knows.
        unit: What is counted; empty for a share.
        passed_s: Seconds since it began.
    """
    passed = _spell(passed_s)
    if not total:
        return f"{what}: {passed} so far"
    share = min(done / total, 1.0)
    far = f"{done:,.0f} of {total:,.0f} {unit}" if unit else f"{share:.0%}".replace("%", " %")
    left = (
        f", about {_spell(passed_s * (1 / share - 1))} left" if 0 < share < 1 and passed_s > _SURE_S else ""
    )
    return f"{what}: {far} after {passed}{left}"


def _spell(seconds: float) -> str:
    """Return a time roughly."""
    for worth, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * worth:
            return f"{seconds / worth:.0f} {name}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def _drawing_on(stream: IO[str]) -> _Drawing:
    """Return what shows on a stream: a bar for people who look, lines for others."""
    if "ipykernel" in sys.modules:
        return _Bar(None)
    return _Bar(stream) if stream.isatty() else _Lines(stream)
