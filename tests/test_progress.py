"""What long work says of itself."""

import io
import time

import pytest

from sim import progress as module
from sim.progress import Progress, line_of


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.fixture
def hasty(monkeypatch):
    """Say after milliseconds what else is said after seconds."""
    monkeypatch.setattr(module, "_FIRST_S", 0.005)
    monkeypatch.setattr(module._Lines, "every_s", 0.01)
    monkeypatch.setattr(module._Bar, "every_s", 0.01)


def wait_until(condition):
    """Wait until something holds, some seconds at most."""
    until = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


@pytest.mark.usefixtures("hasty")
def test_lines__say_how_far_the_work_is_although_it_reports_nothing():
    """Who does the work need not come by: the first line and the next ones come by themselves."""
    stream = io.StringIO()
    with Progress("simulating", total=400, unit="runs", stream=stream) as progress:
        wait_until(lambda: stream.getvalue())
        progress.advance(100)
        wait_until(lambda: "100 of 400 runs" in stream.getvalue())
        progress.more(100)
        wait_until(lambda: "100 of 500 runs" in stream.getvalue())

    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("simulating: 0 of 400 runs after 0.0 s")
    said = len(lines)
    time.sleep(0.05)
    assert len(stream.getvalue().splitlines()) == said


@pytest.mark.usefixtures("hasty")
def test_bar__comes_and_goes():
    """On a terminal there is a bar, and in the end an empty line."""
    stream = Terminal()
    with Progress("simulating", total=1.0, stream=stream) as progress:
        progress.reach(0.25)
        progress.reach(0.1)
        wait_until(lambda: "25 %" in stream.getvalue())

    assert stream.getvalue().split("\r")[-1].strip() == ""


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_progress__short_work_says_nothing(stream):
    """A log of a hundred small runs has not a hundred lines of this."""
    with Progress("simulating", total=1.0, stream=stream) as progress:
        progress.reach(1.0)

    assert stream.getvalue() == ""


@pytest.mark.parametrize(("stream", "is_seen"), [(io.StringIO(), False), (Terminal(), True)])
def test_progress__a_line_stays_so_it_comes_later_than_a_bar(stream, is_seen, monkeypatch):
    """A run that is over within two seconds leaves no words in a log; on a terminal it has shown a bar."""
    monkeypatch.setattr(module, "_FIRST_S", 0.4)

    with Progress("simulating", total=1.0, stream=stream):
        time.sleep(0.6)

    assert bool(stream.getvalue()) == is_seen


@pytest.mark.usefixtures("hasty")
def test_progress__says_nothing_if_nobody_wants_it(capsys):
    """What `--quiet` asks for."""
    with Progress("simulating", shown=False):
        time.sleep(0.05)

    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("hasty")
def test_progress__a_stream_that_has_gone_ends_no_work():
    """Whoever watched may close the window."""
    stream = io.StringIO()
    with Progress("simulating", stream=stream) as progress:
        stream.close()
        time.sleep(0.05)
        progress.advance(1)


@pytest.mark.parametrize(
    ("done", "total", "unit", "passed_s", "line"),
    [
        (0, 0, "", 0.5, "x: 0.5 s so far"),
        (0.25, 1, "", 30, "x: 25 % after 30 s, about 90 s left"),
        (0.25, 1, "", 3, "x: 25 % after 3 s"),
        (1200, 4800, "runs", 3600, "x: 1,200 of 4,800 runs after 60 min, about 3 h left"),
        (3, 2, "runs", 130, "x: 3 of 2 runs after 2 min"),
    ],
)
def test_line_of__says_what_is_known(done, total, unit, passed_s, line):
    """A share or a count, the time, and how much longer it may take once that can be told."""
    assert line_of("x", done, total, unit, passed_s) == line
