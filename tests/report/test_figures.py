"""Figures return Axes, take `ax=`, leave pyplot alone and are byte-stable."""

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sim.report import figures
from sim.results.figures.colours import STATE_COLOURS
from sim.rules import SubtaskState

DRAWN = {
    "recovery": figures.recovery,
    "completion": figures.completion,
    "load": figures.load,
    "failures": figures.failures,
    "attempts": figures.attempts,
}


@pytest.mark.parametrize("name", DRAWN)
def test_figures__draw_into_the_given_axes(name, result):
    """Each figure draws into `ax`, titles it, and returns it."""
    axes = Figure().subplots()

    assert DRAWN[name](result, ax=axes) is axes
    assert axes.get_title(loc="left") or axes.get_title()


@pytest.mark.parametrize("name", DRAWN)
def test_figures__make_a_figure_of_their_own(name, result):
    """Without `ax` there is a new figure."""
    assert isinstance(DRAWN[name](result), Axes)


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("name", DRAWN)
def test_image_bytes__are_equal_for_equal_figures(name, kind, result):
    """Drawn twice, whatever the user's style is, an image is the same to the byte."""
    import matplotlib

    first = figures.image_bytes(lambda ax: DRAWN[name](result, ax=ax), kind, dpi=50)
    with matplotlib.rc_context({"font.size": 23, "axes.facecolor": "pink"}):
        second = figures.image_bytes(lambda ax: DRAWN[name](result, ax=ax), kind, dpi=50)

    assert first == second
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<?xml")


@pytest.mark.parametrize("quantity", ["processing", "downloads", "bandwidth"])
def test_load__names_peak_and_limit(quantity, result):
    """The title holds the peak, and a limit that was near is drawn as a line."""
    axes = figures.load(result, quantity=quantity)
    has_limit = quantity != "downloads"

    assert ("limit" if has_limit else "unlimited") in axes.get_title(loc="left")
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(dashed) == has_limit


def test_failures__cells_add_up(result):
    """The numbers in the map are all devices that stand at a failure, and unclear reasons have a star."""
    axes = figures.failures(result)
    counts = sum(result.runs[0].by_code.values())

    assert sum(int(text.get_text().replace(",", "")) for text in axes.texts) == counts
    assert axes.get_title(loc="left").startswith(str(counts))
    assert axes.get_title(loc="left").endswith("(first run)")  # of three
    stars = [label.get_text() for label in axes.get_yticklabels() if label.get_text().endswith("*")]
    assert all("code 2" in star or "timeout" in star for star in stars)


def test_attempts__bars_are_the_fleet_in_the_colours_of_its_states(result):
    """Bars add up to the fleet, and a state has its colour."""
    axes = figures.attempts(result)
    labels = {label.get_text() for label in axes.get_legend().get_texts()}
    colours = {to_hex(bar.get_facecolor()).upper() for bar in axes.patches if bar.get_height()}

    assert sum(bar.get_height() for bar in axes.patches) == 800
    assert colours == {STATE_COLOURS[SubtaskState.from_wire(label)].upper() for label in labels}


def test_failures__nothing_failed_is_said(make_stored, tmp_path):
    """Without failures the figure says so, instead of being empty."""
    import sim

    scenario = make_stored(failures=None).scenario
    axes = figures.failures(sim.run(scenario))

    assert [text.get_text() for text in axes.texts] == ["no device stands at a failure"]


def test_device_timeline__has_a_row_an_activity(result):
    """A device that recovered shows what it did, in the colours of its states."""
    from sim.explain import explain

    targets = result.targets
    device = targets[(targets.status == "Success") & (targets.attempts == 2)].device_id.iloc[0]
    axes = figures.device_timeline(explain(result.scenario, device))
    rows = [label.get_text() for label in axes.get_yticklabels()]

    assert rows.index("waits for its automatic retry") < rows.index("install")
    assert axes.get_title(loc="left") == f"{device}: Success after 2 attempts"
    assert {to_hex(bar.get_facecolor()).upper() for bar in axes.patches} <= set(STATE_COLOURS.values())


def test_studies__draw_into_the_given_axes(result):
    """Sweep, plan and policy front draw into `ax` and return it."""
    import sim

    scenario = result.scenario
    sweep = sim.sweep(scenario, ["campaign.task_policy.retry_count=0..1"], replications=2)
    plan = sim.plan(scenario, ["platform.max_processing=20,100"], ["success_share >= 50 %"], replications=2)
    search = sim.policy(scenario, replications=2)
    for draw in (
        lambda ax: figures.sweep(sweep, "success_share", ax),
        lambda ax: figures.plan(plan, ax),
        lambda ax: figures.policy_front(search, ax),
    ):
        axes = Figure().subplots()
        assert draw(axes) is axes
        assert axes.has_data()
