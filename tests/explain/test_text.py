"""The story in words and as a picture: what stands there, and that it is the same each time."""

import hashlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest
from explain.explained import S, scenario_of
from matplotlib.image import imread

from sim.campaign import run_campaign
from sim.errors import ScenarioError
from sim.explain import Explanation, explain
from sim.explain.figure import png_bytes
from sim.explain.text import clock, failure, outcome
from sim.rules import Reason, SubtaskState
from sim.traces.nearest import nearest_ids

DEVICE = "unit-0000000"


@pytest.fixture(scope="module")
def rescued():
    """Return the story of a device that is failed by its timer and could have been saved."""
    return explain(
        scenario_of({"devices": 10, "protocol": "lwm2m"}, platform={"bandwidth": "2 kB/s"}), DEVICE
    )


@pytest.fixture(scope="module")
def stubborn():
    """Return the story of a device that fails at its install thirteen times."""
    scenario = scenario_of(
        failures=[{"stage": "install", "code": 10, "permanent": 1.0}],
        campaign={"task_policy": {"retry_count": 5, "retry_interval": "5 min"}, "manual_retry_refills": True},
        operators=[{"call": "retry", "at": "1 d"}, {"call": "retry", "at": "2 d"}],
    )
    return explain(scenario, DEVICE)


def labels_of(figure):
    """Return the texts beside the rows."""
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def texts_of(figure):
    """Return all texts within the figure, those below the rows too."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_explain__loads_no_compiler():
    """A story told on the SimPy plane, with a window, a cell, a mark and a retry, needs no compiled code."""
    program = """
import sys
from explain.explained import scenario_of
from sim.explain import explain
cohort = {"devices": 4, "protocol": "lwm2m", "cell": {"devices": 2}, "already_current": 0.01}
cohort |= {"window": {"opens": "01:00", "closes": "02:30"}}
scenario = scenario_of(
    cohort,
    failures=[{"stage": "install", "code": 10, "permanent": 1.0}],
    campaign={"task_policy": {"retry_count": 2, "retry_interval": "5 min"}},
)
print(explain(scenario, "unit-0000000", plane="simpy").mark.stage.label, "numba" in sys.modules)
"""
    command = [sys.executable, "-c", program]
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tests)

    assert done.stdout.split() == ["install", "False"]


# --- words ----------------------------------------------------------------------------------------


def test_story__of_a_success_in_words():
    """Head, when, how long, what: the whole answer of a device with which all went well."""
    scenario = scenario_of(
        {"link_rate": "10 kB/s", "window": {"opens": "01:00", "closes": "02:30"}}, name="fine"
    )

    assert str(explain(scenario, DEVICE, seed=3, replication=2)).splitlines() == [
        f"{DEVICE} of fine, seed 3, replication 2",
        "  cohort unit, mqtt, contact from 01:00 to 02:30 UTC; the run begins on 2026-01-05 00:00 UTC",
        "  Success at 01:03:50 after 1 attempt",
        "",
        "        at  lasts",
        "  00:00:00         attempt 1, first try",
        "  00:00:00    1 h    contact: waits for its window",
        "  01:00:00   10 s    version query",
        "  01:00:10  100 s    download (977 KiB at 80 kbit/s)",
        "  01:01:50   30 s    verify",
        "  01:02:20   40 s    install",
        "  01:03:00   50 s    reboot",
        "  01:03:50           succeeds",
    ]


def test_story__of_a_failure_says_what_would_have_saved_it(rescued):
    """What helps comes first, each with the change and its outcome, and no line is too wide."""
    lines = str(rescued).splitlines()

    assert lines[2] == ("  Fail at 01:00:30 after 1 attempt: Waiting for device downloaded package timeout")
    advice = lines[lines.index("What would have saved it (one change at a time, under the same draws)") + 1 :]
    words = [line.split()[0] for line in advice if line.startswith(("  yes", "  no"))]
    assert words == ["yes"] * 3 + ["no"] * 3
    assert (
        advice[1]
        == "  yes  a bandwidth of 32 kbit/s instead of 16 kbit/s: Success at 00:44:10 after 1 attempt"
    )
    assert any("fails: Waiting for device downloaded package timeout" in line for line in lines)
    assert max(map(len, lines)) <= 98


def test_story__names_who_made_the_call():
    """A retry by an operator, and a stop by a tripped gate, are told with who made them."""
    failures = [{"stage": "query", "code": 1, "probability": 1.0}]
    operators = [{"call": "retry", "at": "1 h"}]
    gate = {"failed_count_max": 0}
    wave = {"name": "all", "share": 1.0, "gate": gate}
    retried = explain(scenario_of(failures=failures, operators=operators), DEVICE)
    cohorts = [{"name": "unit", "devices": 1}, {"name": "slow", "devices": 1, "link_rate": "1 B/s"}]
    failures = [{"stage": "query", "code": 1, "permanent": 1.0}]
    cohorts[0]["failures"] = failures
    gated = explain(scenario_of(fleet={"cohorts": cohorts}, campaign={"waves": [wave]}), "slow-0000000")

    assert "attempt 2, manual retry by operators[0]" in str(retried)
    assert "  is stopped by campaign" in str(gated)


def test_story__of_a_marked_device_that_was_never_tried_tells_no_failure():
    """A gate stopped the campaign before it: it runs what it ran, and no attempt could have succeeded."""
    failures = [{"stage": "query", "code": 1, "permanent": 1.0}]
    waves = [
        {"name": "first", "share": 0.5, "gate": {"failed_count_max": 0}},
        {"name": "rest", "share": 1.0},
    ]
    cohorts = [{"name": "unit", "devices": 2}]
    scenario = scenario_of(fleet={"cohorts": cohorts}, failures=failures, campaign={"waves": waves})
    stories = [explain(scenario, f"unit-000000{i}") for i in range(2)]
    untried = next(story for story in stories if not story.timeline.attempts)
    text = " ".join(str(untried).split())

    assert "No attempt was made with it. None could have succeeded: every attempt that gets to query" in text
    assert "Nothing that the platform does" not in text


def gated(cause, n_devices=12):
    """Return a campaign whose gate stops it after the first wave, a quarter of the fleet, and its stories."""
    waves = [
        {"name": "first", "share": 0.25, "gate": {"failed_count_max": 0, "of": "first_attempts"}},
        {"name": "rest", "share": 1.0},
    ]
    scenario = scenario_of(
        {"devices": n_devices},
        failures=[{"stage": "reboot", "silent": True, "leaves": "dead", **cause}],
        campaign={"waves": waves},
    )
    return [explain(scenario, f"unit-{i:07}") for i in range(n_devices)]


@pytest.mark.parametrize(
    ("cause", "killer"),
    [
        ({"permanent": 1.0}, "an attempt that gets to reboot"),
        ({"probability": 1.0}, "attempt 1"),
    ],
)
def test_story__names_the_gate_that_saved_it(cause, killer):
    """A release bricks whoever loads it: the gate of the first wave is what saved the second one."""
    dead, saved = [], []
    for story in gated(cause):
        (saved if "saved it" in str(story).replace("could have saved it", "") else dead).append(story)

    assert len(dead) == 3
    assert all("It was left dead by attempt 1" in " ".join(str(story).split()) for story in dead)
    for story in saved:
        text = " ".join(str(story).split())
        assert "The gate of wave first saved it: it stopped the campaign at 1 d 00:" in text
        assert text.endswith(f"more than 0). Without that {killer} would have left it dead.")
        assert "What would have saved it" not in text
        assert any("The gate of wave first saved it" in line for line in texts_of(story.figure()))


def test_story__of_a_healthy_device_behind_a_gate_says_what_kept_it():
    """Who would have survived is no saved device: without the gate it would have the new version."""
    waiting = [
        story for story in gated({"permanent": 0.3}) if story.mark is None and not story.timeline.attempts
    ]

    assert waiting
    for story in waiting:
        assert story.saving_gate is None
        assert "yes  nobody and no gate stops anything: Success at" in str(story)


def test_story__with_a_mark_says_that_nothing_helps(stubborn):
    """The mark is named instead of changes that could not help."""
    text = " ".join(str(stubborn).split())

    assert "Nothing that the platform does could have saved it: every attempt that gets to install" in text
    assert "fails there with code 10, Upgrade package installation failure" in text
    assert "What would have saved it" not in text


@pytest.mark.parametrize(
    ("failure_of", "words"),
    [
        ({"stage": "contact", "silent": True}, "it never comes online"),
        ({"stage": "reboot", "silent": True}, "every attempt that gets to reboot falls silent there"),
    ],
)
def test_story__names_a_silent_mark(failure_of, words):
    """A device that never reports has no code to be named."""
    scenario = scenario_of(failures=[{**failure_of, "permanent": 1.0}])

    assert words in " ".join(str(explain(scenario, DEVICE)).split())


def test_story__of_attempts_that_did_not_end_by_themselves():
    """A stop call and the end of the run are told as what they are."""
    stopped = explain(scenario_of(operators=[{"call": "stop", "at": "50 s"}]), DEVICE)
    scenario = scenario_of({"link_rate": "1 B/s"}, run={"until": "1 h", "resolution": "1 min"})

    assert "  is stopped by operators[0]" in str(stopped)
    pending = str(explain(scenario, DEVICE))
    assert "Processing when the run ended after 1 attempt" in pending
    assert "  is under way when the run ends" in pending


@pytest.mark.parametrize(
    ("tick", "text"),
    [(0, "00:00:00"), (59_999_999, "00:00:59"), (86_399 * S, "23:59:59"), (100 * 3_600 * S, "4 d 04:00:00")],
)
def test_clock__counts_days_and_seconds(tick, text):
    """A time of the run reads like a clock, with the days before it."""
    assert clock(tick) == text


def test_outcome__without_attempts_and_with_a_code():
    """A device that was never dispatched says so; a device's code stands before its meaning."""
    assert outcome(SubtaskState.WAITTING, 0, -1, 0) == "Waitting when the run ended without an attempt"
    assert outcome(SubtaskState.FAIL, 2, 5 * S, 2) == "Fail at 00:00:05 after 2 attempts: code 2, Poor signal"
    assert failure(Reason.ONLINE_TIMEOUT) == "Waiting for the device online timeout"


# --- the picture ----------------------------------------------------------------------------------


def test_figure__has_a_row_a_step_and_the_advice_below(rescued):
    """Rows stand in the order of the story; below them is what would have saved the device."""
    figure = rescued.figure()

    rows = ["attempt 1, first try", "version query", "coverage query", "download", ""]
    assert labels_of(figure) == rows
    texts = texts_of(figure)
    assert texts[:3] == ["10 s", "20 s", "1 h"]
    assert texts[3] == "fails: Waiting for device downloaded package timeout (download timer of 1 h)"
    assert texts[4] == "What would have saved it (one change at a time, under the same draws)"
    assert [text[0] for text in texts[5:]] == ["✓", "✓", "✓", "✗", "✗", "✗"]
    assert DEVICE in figure.get_suptitle()


def test_figure__bars_follow_each_other_on_the_time_axis(rescued):
    """Each bar begins where the one before ends, at the left edge of the axes the first one."""
    axes = rescued.figure().axes[0]
    edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]

    assert edges[0][0] == 0.0
    for (_, end), (start, _) in pairwise(edges):
        assert start == pytest.approx(end)
    assert edges[-1][1] == pytest.approx(axes.get_xlim()[1])


def test_figure__is_to_scale_where_steps_are_alike():
    """Steps of like lengths are drawn to scale, in seconds; a day beside seconds is not."""
    alike = explain(scenario_of(), DEVICE).figure().axes[0]
    unlike = explain(scenario_of({"window": {"opens": "20:00", "closes": "22:00"}}), DEVICE).figure().axes[0]

    assert alike.get_xlim() == (0, 130)
    assert "logarithm" not in alike.get_xlabel()
    assert unlike.get_xlim() == (0, 1)
    assert "logarithm" in unlike.get_xlabel()


def test_figure__leaves_out_the_middle_of_many_attempts(stubborn):
    """Of eighteen attempts the first three and the last three are drawn, with what lies between in a line."""
    labels = labels_of(stubborn.figure())

    attempts = [label.split(",")[0] for label in labels if label.startswith("attempt")]
    assert attempts == [f"attempt {number}" for number in (1, 2, 3, 16, 17, 18)]
    assert "… 12 more attempts …" in labels


def test_figure__of_a_device_that_was_never_in_a_task():
    """A story without any attempt has a picture, too."""
    gate = {"failed_count_max": 0}
    scenario = scenario_of(
        {"devices": 4},
        failures=[{"stage": "query", "code": 1, "probability": 1.0}],
        campaign={"waves": [{"name": "first", "share": 0.5, "gate": gate}, {"name": "all", "share": 1.0}]},
    )
    run = run_campaign(scenario)
    device = next(i for i in range(4) if run.records.task[i] < 0)

    assert labels_of(explain(scenario, run.device_id(device)).figure()) == ["is in no task yet"]


def test_png__is_the_same_whatever_the_user_has_set(rescued):
    """Pictures of equal stories are equal files, with the user's style set or not."""
    first = png_bytes(rescued)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        second = png_bytes(rescued)

    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_save__writes_a_picture_as_a_whole(rescued, tmp_path):
    """The file is a PNG, in a folder that is made for it, and nothing else is left there."""
    rescued.save(tmp_path / "new" / "story.png")

    assert imread(tmp_path / "new" / "story.png").shape[1] == 1_725
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["story.png"]


def test_save__leaves_an_earlier_picture_if_it_fails(rescued, tmp_path, monkeypatch):
    """What can't be written, for want of room say, costs no earlier file and leaves no half one."""
    path = tmp_path / "story.png"
    path.write_bytes(b"earlier")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        rescued.save(path)

    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_html__shows_words_and_picture(rescued):
    """In a notebook a story shows itself."""
    html = rescued._repr_html_()

    assert html.startswith("<pre>unit-0000000 of small")
    assert "src='data:image/png;base64," in html


def test_import__of_the_story_needs_no_matplotlib():
    """Words come without waiting for the drawing library."""
    code = "import sys, sim.explain; assert 'matplotlib' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)


# --- which device ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("unit-3", ["unit-0000003"]),
        ("unti-0000003", ["unit-0000003"]),
        ("unit-0000010", ["unit-0000009"]),
        ("unit-99999999999999999999", ["unit-0000009"]),
        ("unit", ["unit-0000000"]),
        ("something-0000003", ["unit-0000003", "valve-0000001"]),
        ("valve-²", ["valve-0000000"]),
    ],
)
def test_unknown_device__is_answered_with_the_nearest(given, near):
    """A slip of the finger, a missing zero, a number too large: the answer is an id that exists."""
    cohorts = [{"name": "unit", "devices": 10}, {"name": "valve", "devices": 2}]
    scenario = scenario_of(fleet={"cohorts": cohorts})

    assert nearest_ids(scenario, given) == near
    for name in near:
        assert isinstance(explain(scenario, name), Explanation)
    with pytest.raises(ScenarioError, match=f"no device '{given}'; did you mean '{near[0]}'"):
        explain(scenario, given)


def test_unknown_device__of_an_inventory(tmp_path):
    """Listed ids are compared as they are; what is like none of them gets one of them."""
    rows = "\n".join(f"SN{number:04d}X,unit" for number in range(500))
    (tmp_path / "fleet.csv").write_text(f"device_id,cohort\n{rows}\n")
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: listed\n"
        "fleet: {inventory: fleet.csv, cohorts: [{name: unit}]}\n"
        "campaign: {package: {version: '2', size: 1 MB}}\n"
    )

    with pytest.raises(ScenarioError, match="did you mean 'SN0123X'") as caught:
        explain(path, "SN0123")
    assert str(caught.value).startswith(str(path))
    with pytest.raises(ScenarioError, match="did you mean 'SN"):
        explain(path, "quite different")
    assert explain(path, "SN0123X").device == 123


def test_explain__all_numbers_that_are_wrong_are_named():
    """A seed or replication that no run can have is refused before anything runs."""
    with pytest.raises(ScenarioError) as caught:
        explain(scenario_of(), DEVICE, seed=-1, replication=-1)

    assert [problem.path for problem in caught.value.problems] == ["seed", "replication"]
