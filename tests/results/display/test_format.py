"""How texts are written for people."""

from sim.results.display.format import wrapped


def test_wrapped__takes_the_width_of_the_terminal(monkeypatch):
    """Lines are as long as the terminal is wide, and 98 characters without one."""
    text = "word " * 100

    monkeypatch.delenv("COLUMNS", raising=False)
    assert max(map(len, wrapped(text))) in range(90, 99)
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, wrapped(text))) in range(52, 61)
    monkeypatch.setenv("COLUMNS", "5")
    assert max(map(len, wrapped(text))) in range(30, 41)
