"""Figures: what they say, that they are the same bytes each time, and that they leave pyplot alone."""

import hashlib
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from sim.results.figures import overview
from sim.results.figures.colours import STATE_COLOURS
from sim.results.figures.style import figure_style, image_bytes
from sim.results.figures.timeaxis import linear_time, log_time, time_unit
from sim.results.time_span import round_time_below
from sim.rules import SubtaskState
from support.figure_extent import cut_off

SUCCESS, FAIL, WAITTING = SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.WAITTING
PROCESSING = SubtaskState.PROCESSING


@pytest.fixture
def calm(make_run, make_result):
    """Return a result in which all goes well within 50 minutes."""
    return make_result(make_run([SUCCESS] * 100, end_s=np.linspace(60, 3_000, 100)))


@pytest.fixture
def rough(make_run, make_result, make_call):
    """Return three replications with failures, recoveries within minutes and an end after two days."""
    runs = []
    for replication in range(3):
        rng = np.random.default_rng(replication)
        failure = np.where(rng.random(400) < 0.3, 100.0, -1.0)
        end = np.where(failure > 0, 100 + rng.lognormal(6, 1, 400), rng.lognormal(5, 1, 400))
        end[:3] = 172_000.0
        status = [FAIL, FAIL, SUCCESS] + [SUCCESS] * 397
        runs.append(
            make_run(
                status,
                end_s=end,
                first_failure_s=[50, 50, 50, *failure[3:]],
                run_end_s=172_800,
                replication=replication,
                calls=[make_call("retry", time_s=7_200.0), make_call("stop", time_s=9_000.0)],
            )
        )
    return make_result(*runs)


def axes_of(figure_size=(6, 4)):
    """Return axes on a figure of their own."""
    figure = Figure(figsize=figure_size)
    FigureCanvasAgg(figure)
    return figure.subplots()


def labels_of(axes):
    """Return the texts of the legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]


def ticks_of(axes):
    """Return the texts of the time axis that lie inside of it."""
    axes.figure.canvas.draw()
    low, high = axes.get_xlim()
    return [
        label.get_text()
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= place <= high
    ]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_images__are_the_same_bytes_whatever_the_user_has_set(rough, kind):
    """Figures of equal results are equal files, with the user's style set or not."""
    first = image_bytes(lambda: overview.run_figure(rough), kind)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9}):
        second = image_bytes(lambda: overview.run_figure(rough), kind)

    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    assert b"matplotlib" not in first.lower().replace(b"www.w3.org", b"")[:200]


def test_images__leave_the_users_style_alone(rough):
    """Drawing a file changes no setting of the program it runs in."""
    before = dict(matplotlib.rcParams)

    overview.png_bytes(rough)

    assert dict(matplotlib.rcParams) == before


def test_plot_recovery__draws_where_it_is_told(rough):
    """Given axes are drawn on and returned."""
    axes = axes_of()

    assert rough.plot_recovery(ax=axes) is axes
    assert axes.get_title(loc="center") or axes.get_title(loc="left")


def test_draw_completion__areas_are_the_shares_of_the_fleet(make_run, make_result):
    """The stack reaches from 0 to 1 at every time, and its first layer ends at the share in Success."""
    status = [SUCCESS] * 60 + [FAIL] * 30 + [PROCESSING] * 10
    result = make_result(make_run(status, end_s=np.linspace(1, 3_599, 100)))
    axes = axes_of()

    overview.draw_completion(axes, result.runs)

    layers = [collection.get_paths()[0].vertices for collection in axes.collections]
    top = np.max([layer[:, 1].max() for layer in layers])
    assert top == pytest.approx(1.0)
    assert layers[0][:, 1].max() == pytest.approx(0.6)
    assert labels_of(axes) == ["Success", "Processing", "Fail"]
    assert "60.0 % in Success" in axes.get_title(loc="center") + axes.get_title(loc="left")


def test_draw_completion__shows_the_last_change_although_it_is_after_the_last_grid_line(
    make_run, make_result
):
    """A run ends between two grid lines; the figure reaches its end, not the grid's."""
    result = make_result(make_run([SUCCESS] * 2, end_s=[30, 3_590], run_end_s=3_590))
    axes = axes_of()

    overview.draw_completion(axes, result.runs)

    assert 3_590 < axes.get_xlim()[1] < 1.05 * 3_590
    assert axes.collections[0].get_paths()[0].vertices[:, 1].max() == 1.0


def test_draw_completion__replications_have_a_band_and_calls_have_lines(rough):
    """Means carry a band; few calls are marked with a line of their kind."""
    axes = axes_of()

    overview.draw_completion(axes, rough.runs)

    assert labels_of(axes)[-3:] == ["mean, 90 % of runs", "retry call", "stop call"]


def test_draw_completion__many_calls_are_not_marked(make_run, make_result, make_call):
    """A script that calls every minute would cover the figure with lines."""
    calls = [make_call("retry", time_s=60.0 * (i + 1)) for i in range(30)]
    axes = axes_of()

    overview.draw_completion(axes, make_result(make_run([SUCCESS] * 3, calls=calls)).runs)

    assert labels_of(axes) == ["Success", "Processing"]


def test_draw_recovery__is_logarithmic_only_if_most_comes_early(rough, calm, make_run, make_result):
    """Minutes and days on one axis need a logarithm; an even recovery doesn't."""
    skewed, even = axes_of(), axes_of()
    steady = make_run([SUCCESS] * 50, first_failure_s=[10] * 50, end_s=np.linspace(20, 3_000, 50))

    overview.draw_recovery(skewed, rough.runs)
    overview.draw_recovery(even, make_result(steady).runs)

    assert skewed.get_xscale() == "log"
    assert even.get_xscale() == "linear"
    assert "logarithmic" in skewed.get_xlabel()


def test_draw_recovery__reaches_the_shares_of_the_metrics(make_run, make_result):
    """The green line ends at the recovered share, the red one at what is left."""
    run = make_run([SUCCESS] * 7 + [FAIL] * 3, first_failure_s=[60] * 10, end_s=[600] * 7 + [900] * 3)
    axes = axes_of()

    overview.draw_recovery(axes, make_result(run).runs)

    recovered, kept = (line.get_ydata() for line in axes.lines)
    assert recovered[-1] == pytest.approx(0.7)
    assert kept[-1] == pytest.approx(0.7)
    assert "70.0 % of the 10 devices" in axes.get_title(loc="center") + axes.get_title(loc="left")


@pytest.mark.parametrize(
    "fates",
    [
        {"status": [SUCCESS]},
        {"status": [WAITTING] * 3, "attempts": [0] * 3},
        {"status": [FAIL] * 3, "first_failure_s": [60] * 3},
        {"status": [PROCESSING] * 3, "first_failure_s": [60] * 3},
        {"status": [SUCCESS] * 2, "run_end_s": 0.0, "end_s": [0, 0]},
        {"status": [SUCCESS] * 2, "first_failure_s": [60, 60], "end_s": [60.000001, 60.000001]},
    ],
    ids=["one device", "all waiting", "all failed at once", "all under way", "no time", "a microsecond"],
)
def test_images__of_odd_runs(make_run, make_result, fates):
    """A figure comes of every run, whatever did not happen in it."""
    run = make_run(fates.pop("status"), **fates)

    assert overview.png_bytes(make_result(run), dpi=50).startswith(b"\x89PNG")


def test_images__without_failures_say_so(calm):
    """An empty panel explains itself."""
    axes = axes_of()

    overview.draw_recovery(axes, calm.runs)

    assert [text.get_text() for text in axes.texts] == ["no first attempt failed"]


def test_images__of_replications_of_which_some_had_no_failure(make_run, make_result):
    """Replications without failures have no recovery curve and don't disturb the others'."""
    runs = [
        make_run([SUCCESS] * 4, replication=0),
        make_run([SUCCESS] * 4, first_failure_s=[10, 10, -1, -1], replication=1),
    ]
    axes = axes_of()

    overview.draw_recovery(axes, make_result(*runs).runs)

    assert axes.lines[0].get_ydata()[-1] == pytest.approx(1.0)


def test_state_colours__differ_for_colour_blind_readers():
    """Any two states differ clearly in lightness or for deuteranopes, and each state has a colour."""

    def seen_by_deuteranopes(colour):
        red, green, blue = np.array(to_rgb(colour)) ** 2.2
        # Viénot, Brettel and Mollon (1999), linear RGB: red and green are told apart no longer.
        mixed = 0.29275 * red + 0.70725 * green
        return np.clip([mixed, -0.02234 * red + 0.02234 * green + blue], 0, 1) ** (1 / 2.2)

    assert set(STATE_COLOURS) == set(SubtaskState) - {SubtaskState.REMOVED}
    for one, other in combinations(STATE_COLOURS.values(), 2):
        assert np.abs(seen_by_deuteranopes(one) - seen_by_deuteranopes(other)).max() > 0.08, (one, other)


@pytest.mark.parametrize(
    ("span_s", "unit"),
    [
        (1, "s"),
        (119, "s"),
        (120, "min"),
        (7_199, "min"),
        (7_200, "h"),
        (345_599, "h"),
        (345_600, "d"),
        (1e9, "d"),
    ],
)
def test_time_unit__fits_the_span(span_s, unit):
    """Two minutes read in minutes, two hours in hours, four days in days."""
    assert time_unit(span_s)[0] == unit


@pytest.mark.parametrize("span_s", [3, 50, 400, 3_600, 20_000, 100_000, 400_000, 3e6, 3e7, 3e9])
def test_linear_time__has_a_readable_number_of_round_ticks(span_s):
    """Whatever the span, the axis has two to ten ticks at round values, and names the unit."""
    axes = axes_of()

    linear_time(axes, span_s, "time")

    texts = ticks_of(axes)
    assert 2 <= len(texts) <= 10
    assert texts[0] == "0"
    assert all(len(text) <= 6 for text in texts)
    assert axes.get_xlabel().startswith("time (")


def test_log_time__has_ticks_at_round_times_only():
    """A logarithmic axis says minutes, hours and days, not powers of ten."""
    axes = axes_of()

    log_time(axes, 200.0, 400_000.0, "time")

    assert ticks_of(axes) == ["5 min", "15 min", "1 h", "4 h", "12 h", "1 d", "3 d"]


@pytest.mark.parametrize(("time_s", "below"), [(61, 60), (60, 60), (59, 15), (0.3, 0.3), (90_000, 86_400)])
def test_round_time_below__is_where_an_axis_may_begin(time_s, below):
    """The axis begins at a tick, unless the time is below all of them."""
    assert round_time_below(time_s) == below


def test_draw_completion__thins_a_long_grid(make_run, make_result):
    """A grid of a hundred thousand rows is drawn with no more points than a figure can show."""
    run = make_run([SUCCESS] * 50, end_s=np.linspace(60, 6e6, 50), run_end_s=6e6)
    axes = axes_of()

    overview.draw_completion(axes, make_result(run).runs)

    points = max(len(collection.get_paths()[0].vertices) for collection in axes.collections)
    assert points < 4 * overview._POINTS + 10  # a step has two points, and a stack two sides


def test_draw_completion__a_run_that_ended_earlier_keeps_its_last_state(make_run, make_result):
    """Replications of different lengths are averaged with the last state of the shorter one."""
    runs = [
        make_run([SUCCESS] * 2, end_s=[60, 60], run_end_s=60, replication=0),
        make_run([SUCCESS, PROCESSING], end_s=[600, -1], run_end_s=3_600, replication=1),
    ]
    result = make_result(*runs)
    axes = axes_of()

    overview.draw_completion(axes, result.runs)

    assert "75.0 % in Success" in axes.get_title(loc="center") + axes.get_title(loc="left")


def test_run_figure__of_a_long_name_is_whole(make_run, make_result):
    """A name of sixty letters and several replications take two lines, and nothing is cut off."""
    result = make_result(make_run([SUCCESS] * 5, end_s=[60] * 5))
    result.scenario = result.scenario.with_values(
        {"name": "Meters-of-the-Western-Network-and-Gateways-2026-FW-4.17-Rollout"[:60]}
    )

    with figure_style():
        assert cut_off(overview.run_figure(result)) == []


def test_draw_completion__counts_from_the_date_if_there_is_one(make_run, make_result):
    """The label of the time axis has the date of time 0, and without one says that it is the start."""
    result = make_result(make_run([SUCCESS] * 5, end_s=[60] * 5))
    dated = result.scenario.with_values({"run.start": "2026-01-05T18:00:00Z"})
    axes, plain = axes_of(), axes_of()

    overview.draw_completion(axes, result.runs, dated)
    overview.draw_completion(plain, result.runs)

    assert axes.get_xlabel().startswith("time since Mon 5 Jan 2026 18:00 UTC (")
    assert plain.get_xlabel().startswith("time since the start of the run (")
