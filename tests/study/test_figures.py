"""Figures and texts: what they show, on which scale, and that they disturb nobody."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from sim.results.figures.style import figure_style, image_bytes
from sim.study import plan, policy, replicate, sensitivity, sweep
from sim.study.display.axes import log_ticks, scale_of
from sim.study.display.text import change_text, mean_text, table
from sim.study.plans.figure import plan_figure
from sim.study.point_statistics import Means
from sim.study.policies.answer import OBJECTIVES
from sim.study.policies.figure import policy_figure
from sim.study.policies.front import ADVICE
from sim.study.replications.figure import replications_figure
from sim.study.sobol.figure import sensitivity_figure
from sim.study.sweeps.figure import sweep_figure
from support.figure_extent import cut_off
from support.study_scenarios import scenario_of


def texts_of(axes) -> str:
    """Return everything that is written in and around axes."""
    legend = axes.get_legend()
    parts = [axes.get_title(loc="left"), axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
    parts += [text.get_text() for text in axes.texts]
    if legend is not None:
        parts += [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    return " | ".join(parts)


@pytest.fixture(scope="module")
def two_fields():
    """Return a sweep of two fields."""
    vary = {"platform.max_processing": "10..40:10", "campaign.task_policy.retry_count": "0..2"}
    return sweep(scenario_of(), vary, replications=3)


def test_sweep__one_field_is_a_line_with_its_interval(tiny):
    """The mean at every value, in the unit of the axis."""
    found = sweep(tiny, {"campaign.package.size": "1 MB..3 MB:1 MB"}, replications=3)

    axes = found.plot("success_share")

    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert line.get_ydata() == pytest.approx(found.runs.of("success_share").mean(axis=1) * 100)
    assert axes.get_xlabel() == "campaign.package.size (MB)"
    assert axes.get_ylabel() == "success_share (%)"
    assert axes.get_ylim()[1] <= 100.2


def test_sweep__of_two_fields_the_one_with_fewer_values_gives_lines(two_fields):
    """The longer axis lies along, and the legend names the other field."""
    axes = two_fields.plot("success_share")

    lines = axes.get_lines()
    assert len(lines) == 3
    assert all(line.get_xdata().tolist() == [10, 20, 30, 40] for line in lines)
    mean = two_fields.runs.of("success_share").mean(axis=1).reshape(4, 3)
    for i_line, line in enumerate(lines):
        assert line.get_ydata() == pytest.approx(mean[:, i_line] * 100)
    assert "campaign.task_policy.retry_count | 0 | 1 | 2" in texts_of(axes)


def test_sweep__many_values_of_two_fields_are_a_map(tiny):
    """More lines than colours would be a tangle."""
    found = sweep(
        tiny,
        {"platform.max_processing": "10..70:10", "campaign.package.size": "1 MB..7 MB:1 MB"},
        replications=1,
    )

    axes = found.plot("makespan")

    (image,) = axes.get_images()
    assert image.get_array().shape == (7, 7)
    assert len(axes.texts) == 49
    assert axes.get_xlabel() == "campaign.package.size (MB)"


def test_sweep__a_large_map_has_a_bar_instead_of_numbers(tiny):
    """Numbers that nobody can read are left out."""
    found = sweep(
        tiny,
        {"platform.max_processing": "10..21", "campaign.package.size": "1 MB..12 MB:1 MB"},
        replications=1,
    )

    axes = found.plot("makespan")

    assert not axes.texts
    assert len(axes.figure.axes) == 2


def test_sweep__categories_are_dots(tiny):
    """There is nothing between two categories, hence no line."""
    found = sweep(tiny, {"campaign.what_if.jitter": ["full", "equal", "decorrelated"]}, replications=3)

    axes = found.plot("makespan")

    assert [text.get_text() for text in axes.get_xticklabels()] == ["full", "equal", "decorrelated"]
    assert axes.containers
    assert axes.get_lines()[0].get_linestyle() == "None"


def test_sweep__what_is_never_reached_leaves_a_gap_and_a_note(tiny):
    """A time that does not exist is not drawn anywhere."""
    found = sweep(tiny, {"failures[0].probability": ["1 %", "50 %", "80 %"]}, replications=3)

    axes = found.plot("time_to_success.p95")

    assert np.isnan(axes.get_lines()[0].get_ydata()).tolist() == [False, True, True]
    assert "gaps: never reached" in texts_of(axes)


def test_sweep__three_fields_are_drawn_at_the_first_value_of_the_third(tiny):
    """A figure has two dimensions; frames have the rest."""
    vary = {
        "platform.max_processing": "10..40:10",
        "campaign.task_policy.retry_count": "0..1",
        "campaign.package.size": ["1 MB", "2 MB"],
    }
    found = sweep(tiny, vary, replications=2)

    lines = found.plot("success_share").get_lines()

    mean = found.runs.of("success_share").mean(axis=1).reshape(4, 2, 2)
    assert lines[1].get_ydata() == pytest.approx(mean[:, 1, 0] * 100)


def test_sweep__a_wide_range_has_a_logarithmic_axis_with_plain_ticks(slots):
    """1, 10, 100, as people write them."""
    axes = sweep(slots, {"platform.max_processing": "1..100:log 9"}, replications=1).plot("makespan")

    axes.figure.canvas.draw()
    assert axes.get_xscale() == "log"
    assert {"1", "10", "100"} <= {text.get_text() for text in axes.get_xticklabels()}


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [
        ([1, 3, 10], [1, 3, 10]),
        (list(range(1, 101)), [1, 2, 5, 10, 20, 50, 100]),
        ([10.0**i for i in range(-3, 9)], None),
        ([200, 3000], [200, 300, 500, 700, 1000, 2000, 3000]),
    ],
)
def test_log_ticks__are_round_and_few(numbers, ticks):
    """The values themselves if they are few, else round numbers between them."""
    found = log_ticks(np.array(numbers, np.float64))

    assert len(found) <= 8
    if ticks is not None:
        assert found.tolist() == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("metric", "highest", "unit"),
    [
        ("success_share", 0.5, "%"),
        ("makespan", 90.0, "s"),
        ("makespan", 9e5, "d"),
        ("makespan", float("nan"), "s"),
        ("bytes_wasted", 5e9, "GiB"),
        ("bytes_wasted", 5.0, "B"),
        ("peak_bandwidth", 3e6, "Mbit/s"),
        ("peak_bandwidth", 30.0, "bit/s"),
        ("peak_bandwidth", float("nan"), "bit/s"),
        ("failed", 10, ""),
    ],
)
def test_scale__suits_the_values(metric, highest, unit):
    """Nobody reads seconds in the hundred thousands."""
    assert scale_of(metric, highest).unit == unit


def test_plan__draws_shares_with_intervals_and_the_answer(slots):
    """Each value that was looked at, the wanted share, the goal's bound beside it."""
    found = plan(slots, {"platform.max_processing": "1..60"}, "makespan <= 600 s", replications=3)

    figure = plan_figure(found)

    shares, makespan = figure.axes
    assert "answer: 10" in texts_of(shares)
    assert "often enough" in texts_of(shares)
    assert "wanted 90 %" in texts_of(shares)
    assert "goal <= 600 s" in texts_of(makespan)
    assert len(shares.containers) == 2


def test_plan__draws_the_frontier_and_what_is_out_of_reach(slots):
    """The line is the answer for each value of the second field."""
    found = plan(
        slots,
        {"platform.max_processing": "1..40", "stages.install.constant": "60 s..900 s:210 s"},
        "makespan <= 600 s",
        replications=1,
    )

    axes = found.plot()

    line, crosses = axes.get_lines()
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([60], [10])
    assert crosses.get_xdata().tolist() == [270, 480, 690, 900]
    assert "out of reach from 1 to 40" in texts_of(axes)
    assert axes.get_xlabel() == "stages.install.constant (s)"


@pytest.mark.parametrize(
    ("durations", "scale", "answers"), [("60 s,120 s,180 s", "linear", [10, 20, 34]),
                                        ("3 s,30 s,60 s", "log", [1, 5, 10])],
)  # fmt: skip
def test_plan__the_frontier_has_an_axis_that_can_be_read(slots, durations, scale, answers):
    """Over a wide range it is logarithmic; at least three ticks, whatever the answers are."""
    found = plan(
        slots,
        {"platform.max_processing": "1..100000", "stages.install.constant": durations},
        "makespan <= 600 s",
        replications=1,
    )

    axes = found.plot()

    axes.figure.canvas.draw()
    low, high = axes.get_ylim()
    assert axes.get_yscale() == scale
    assert axes.get_lines()[0].get_ydata().tolist() == answers
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


def test_plan__a_goal_is_not_torn_apart(slots):
    """A value and its unit stay in one line of the title."""
    vary = {"platform.max_processing": "20..60", "campaign.package.size": "1 MB,2 MB"}
    found = plan(slots, vary, "time_to_success.p95 <= 40 h", replications=1)

    lines = plan_figure(found).get_suptitle().split("\n")

    assert any("time_to_success.p95 <= 40 h" in line for line in lines)


def test_plan__a_long_title_is_wrapped(slots):
    """Three goals in one line would run off the figure."""
    goals = ["makespan <= 600 s", "success_share >= 99 %", "time_to_success.p50 <= 10 min"]

    title = plan_figure(
        plan(slots, {"platform.max_processing": "1..60"}, goals, replications=1)
    ).get_suptitle()

    assert "\n" not in title or max(map(len, title.split("\n"))) <= 180
    assert all(goal.split()[0] in title for goal in goals)


@pytest.fixture(scope="module")
def search():
    """Return a policy search."""
    return policy(scenario_of(120), replications=3)


def test_policy__draws_every_policy_the_front_and_the_advice(search):
    """A dot a policy, rings around the front, a star for the advice."""
    figure = policy_figure(search)

    left, right = figure.axes
    assert "advice 2 × 5 min" in texts_of(left)
    assert "attempts beyond the first" in left.get_ylabel()
    assert "not upgraded" in right.get_ylabel()
    dots = sum(len(part.get_offsets()) for part in left.collections[:6])
    assert dots == len(search.screened.policies)
    assert len(left.collections[6].get_offsets()) == search.screened.front.sum()


def test_policy__says_that_the_advice_never_gets_there(search):
    """Without a time there is no place for its star, and the legend says why."""
    objectives = search.screened.objectives.copy()
    objectives[search.screened.index(ADVICE), OBJECTIVES.index("time")] = np.inf
    lost = replace(search, screened=replace(search.screened, objectives=objectives))

    assert "advice 2 × 5 min: never gets there" in texts_of(policy_figure(lost).axes[0])


def test_sensitivity__draws_bars_by_importance(tiny):
    """The field that matters most is on top; a metric without indices says so."""
    found = sensitivity(
        tiny,
        {"failures[0].probability": "0 %..60 %", "campaign.package.size": "1 MB..2 MB"},
        metrics=["success_share", "time_to_success.p99"],
        samples=8,
    )

    left, right = sensitivity_figure(found).axes

    assert [text.get_text() for text in left.get_yticklabels()][-1] == "failures[0].probability"
    assert left.get_xlabel() == "share of the metric's variance"
    assert "first order" in texts_of(left)
    assert "never reached" in texts_of(right)


def test_replications__draw_completion_and_recovery(tiny):
    """Two curves with bands; nothing to recover from is said in words."""
    left, right = replications_figure(replicate(tiny, replications=5)).axes
    assert left.get_ylim() == (0, 1)
    assert "mean" in texts_of(right)

    _, nothing = replications_figure(replicate(scenario_of(20, failures=[]), replications=2)).axes
    assert "nothing to show" in texts_of(nothing)


def test_figures__leave_pyplot_and_the_users_style_alone(two_fields):
    """A figure with its own style neither takes nor changes the caller's."""
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30}):
        large = image_bytes(lambda: sweep_figure(two_fields, ["makespan"]))
    assert large == image_bytes(lambda: sweep_figure(two_fields, ["makespan"]))
    assert dict(matplotlib.rcParams) == before
    assert isinstance(two_fields.plot().figure, Figure)


@pytest.mark.parametrize("which", ["sweep", "policy", "plan", "replications", "sensitivity"])
def test_notebook__shows_text_and_figure(which, tiny, two_fields, search):
    """A result shows itself, complete in one piece."""
    result = {
        "sweep": lambda: two_fields,
        "policy": lambda: search,
        "plan": lambda: plan(
            tiny, {"campaign.task_policy.retry_count": "0..2"}, "failed <= 9", replications=2
        ),
        "replications": lambda: replicate(tiny, replications=2),
        "sensitivity": lambda: sensitivity(
            tiny, {"failures[0].probability": "0 %..9 %", "campaign.package.size": "1 MB..2 MB"}, samples=8
        ),
    }[which]()

    html = result._repr_html_()

    assert html.startswith("<div><pre>")
    assert "data:image/png;base64," in html
    assert result.plot() is not None


def test_change__has_a_sign_and_an_interval():
    """Shares in percentage points, times in hours; no interval without one."""
    change = Means(np.array([-0.012]), np.array([-0.02]), np.array([0.001]))
    assert change_text("success_share", change) == "−1.2 pp [−2 pp to +0.1 pp]"
    assert change_text("makespan", Means(*np.array([[7200.0], [3600.0], [10800.0]]))) == "+2 h [+1 h to +3 h]"
    assert change_text("failed", Means(*np.array([[0.0], [np.nan], [np.nan]]))) == "±0"
    assert change_text("makespan", Means(*np.array([[np.nan]] * 3))) == "–"


def test_mean__stays_within_what_is_possible():
    """An interval of a share ends at 0 and 100 %, whatever the t distribution says."""
    text = mean_text("success_share", Means(np.array([0.99]), np.array([-0.2]), np.array([1.02])), 0)

    assert text == "99.0 % [0 % – 100 %]"


def test_table__aligns_text_to_the_left_and_numbers_to_the_right():
    """Columns line up whatever is in them."""
    assert table([["a", "1"], ["long", "10"]]) == ["  a      1", "  long  10"]


def test_policy__of_a_fleet_without_faults_or_times_has_axes_all_the_same():
    """Everything is 0: one tick at 0, instead of several, and no logarithm of nothing."""
    search = policy(scenario_of(20, failures=[], stages={}, platform={}), replications=1)

    with figure_style():
        figure = policy_figure(search)
        image_bytes(lambda: figure)

    for axes in figure.axes:
        assert axes.get_yticks().tolist() == [0.0]
        assert axes.get_xticks().tolist() == [0.0]


LONG = "a-scenario-whose-name-is-sixty-characters-long-as-they-do-it"
"""As long as people make them."""
LONG_PATH = f"fleet.cohorts[{LONG}].link_rate"


def long_names():
    """Return a scenario whose names are long."""
    values = {"name": LONG, "fleet.cohorts": [{"name": LONG, "devices": 60, "link_rate": "1 Mbit/s"}]}
    return scenario_of().with_values(values)


def test_figures__of_long_names_are_whole():
    """Headlines and labels of sixty letters take more lines, and nothing is cut off."""
    scenario, rates = long_names(), {LONG_PATH: "1 Mbit/s,2 Mbit/s,4 Mbit/s"}
    with figure_style():
        found = sweep(scenario, rates, replications=2)
        figures = [
            found.figure(["success_share"]),
            found.figure(["makespan", "failed", "attempts", "api_calls"]),
        ]
        within = {**rates, "platform.max_processing": "5,10,20"}
        figures.append(sweep(scenario, within, replications=1).figure(["makespan"]))
        figures.append(plan(scenario, rates, "makespan <= 4 d", replications=2).figure())
        figures.append(replicate(scenario, replications=2).figure())
        spread = {LONG_PATH: "1 Mbit/s..4 Mbit/s", "failures[0].probability": "0 %..10 %"}
        figures.append(sensitivity(scenario, spread, metrics=["makespan"], samples=8).figure())

        assert [cut_off(figure) for figure in figures] == [[]] * len(figures)


def test_plan__out_of_reach_has_no_empty_panel(tiny):
    """Where no run meets the goals, their metric is shown with its bound, and no shares of nothing."""
    found = plan(tiny, {"platform.max_processing": "10,20,40"}, "makespan <= 1 s", replications=2)

    with figure_style():
        figure = plan_figure(found)
        cut = cut_off(figure)

    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "makespan" or axes.get_title() == "makespan"
    assert "out of reach: the goals hold in no run of 2" in figure.get_suptitle()
    assert "goal <= 1 s" in texts_of(axes)
    bound = axes.get_lines()[1].get_ydata()[0]
    assert axes.get_ylim()[0] <= bound <= axes.get_ylim()[1]
    assert cut == []


def test_plan__whose_metric_never_comes_about_shows_how_far_devices_came(tiny):
    """A time that no value reaches has nothing to draw; the share in Success has."""
    scenario = tiny.with_values({"failures": [{"stage": "install", "code": 10, "permanent": "60 %"}]})
    goal = "time_to_success.p99 <= 1 d"
    found = plan(scenario, {"platform.max_processing": "10,20,40"}, goal, replications=2)

    with figure_style():
        (axes,) = plan_figure(found).axes

    assert "success_share (the goal's own metric never came about)" in texts_of(axes)
    assert len(axes.get_lines()[0].get_ydata()) == 3


def test_policy__time_axis_has_three_ticks_at_least(tiny):
    """Policies that are far apart have a logarithmic axis, and any axis has enough ticks to be read."""
    found = policy(tiny, replications=1)

    with figure_style():
        figure = policy_figure(found)
        cut = cut_off(figure)

    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert len(ticks) >= 3
        assert (axes.get_xscale() == "log") <= (high >= 8 * low)
    assert cut == []


def test_sensitivity__intervals_lie_inside_the_axes(tiny):
    """A bootstrap interval that goes beyond the whole variance is seen to its end."""
    vary = {"platform.max_processing": "10..40", "failures[0].probability": "0 %..30 %"}
    found = sensitivity(tiny, vary, metrics=["attempts"], samples=8)
    indices = found.indices["attempts"]

    with figure_style():
        (axes,) = sensitivity_figure(found).axes

    assert axes.get_xlim()[1] >= max(indices.total_bounds[1].max(), indices.first_bounds[1].max())
