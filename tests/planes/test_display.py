"""Tests of what is shown while kernels are compiled."""

import io

import pytest

from sim.planes import display as module
from sim.planes.display import BarDisplay, LineDisplay, SilentDisplay, display_on


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


def test_display_on__a_bar_for_terminals_only():
    """Into a file or a log go lines."""
    assert isinstance(display_on(Terminal()), BarDisplay)
    assert isinstance(display_on(io.StringIO()), LineDisplay)


def test_lines__name_what_is_compiled_and_how_much_is_left(monkeypatch):
    """The first line comes at once, further ones after some seconds, the last one says how long it took."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = LineDisplay(stream)
    for passed_s, done, name in ((0, 0, ""), (1, 3, "stage"), (2, 4, "retry"), (7, 9, "run_events")):
        now[0] = 100.0 + passed_s
        lines.show(done, 140, name)
    lines.close(140)

    first, second, last = stream.getvalue().splitlines()
    assert "3 of 140 functions" in first
    assert first.endswith("now stage")
    assert "9 of 140 functions" in second
    assert second.endswith("now run_events")
    assert last == "Compiled 140 functions in 7 s"


def test_bar__names_what_is_compiled_and_goes_away():
    """The bar shows counts and the function, and leaves an empty line behind."""
    stream = Terminal()
    bar = BarDisplay(stream)
    bar.show(3, 140, "run_events")
    shown = stream.getvalue()
    bar.close(140)

    assert "3 of 140 functions" in shown
    assert "run_events" in shown
    assert stream.getvalue().split("\r")[-1].strip() == ""


@pytest.mark.parametrize("make", [LineDisplay, BarDisplay])
def test_display__is_empty_if_nothing_is_compiled(make):
    """Kernels that come from the cache are nobody's concern."""
    stream = Terminal()
    display = make(stream)
    display.show(0, 140, "")
    display.close(0)

    assert stream.getvalue() == ""


def test_silent__takes_everything(capsys):
    """A display that shows nothing can be shown anything."""
    silent = SilentDisplay()
    silent.show(1, 2, "x")
    silent.close(2)

    assert capsys.readouterr() == ("", "")
