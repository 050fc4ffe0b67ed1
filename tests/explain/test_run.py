"""Explanations of devices: how they show themselves."""

from explain.explained import scenario_of

from sim.explain import explain


def test_explanation__shows_itself() -> None:
    """In a line, as text, in a notebook, and as a plot with a row an activity."""
    story = explain(scenario_of(), "unit-0000000")

    axes = story.plot()

    assert repr(story) == "<Explanation unit-0000000: Success after 1 attempt, seed 0>"
    assert str(story) == story.text()
    assert "<img alt='unit-0000000: timeline'" in story._repr_html_()
    assert axes.get_title() == "unit-0000000: Success after 1 attempt"
    assert "install" in [label.get_text() for label in axes.get_yticklabels()]
