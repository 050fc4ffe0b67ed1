"""What lasts of a device, told and drawn: links, conditions, what is resumed, who is dead."""

import pytest
from explain.explained import S, scenario_of
from traces.test_timeline import seconds, told

from sim.explain import explain
from sim.explain.figure import story_figure
from sim.rules import Stage, SubtaskState
from sim.traces.steps import Doing, clock

MINUTE = 60
BEAT = {"every": "100 s", "for": "60 s", "phase": "0 s"}


def retried(times: int) -> dict:
    """Return a policy with retries after a minute."""
    return {"task_policy": {"retry_count": times, "retry_interval": "1 min"}}


def test_contact__of_a_device_that_is_off_says_until_when():
    """A sensor that goes on at 20 min is offline until then; one that goes on too late, until its timer."""
    timeline = told(scenario_of({"online": {"every": "50 min", "for": "10 min", "phase": "20 min"}}))
    assert seconds(timeline.attempts[0].steps)[:2] == [
        (Doing.OFFLINE, 0, 20 * MINUTE),
        (Doing.QUERY, 20 * MINUTE, 20 * MINUTE + 10),
    ]
    assert timeline.attempts[0].steps[0].note == "until 00:20:00"

    late = {"online": {"every": "3 d", "for": "1 h", "phase": "2 d"}}
    (attempt,) = told(scenario_of(late)).attempts
    assert seconds(attempt.steps) == [(Doing.OFFLINE, 0, 25 * 3600)]
    assert (attempt.steps[0].note, attempt.timer) == ("until 2 d 00:00:00", "online timer of 1 d 1 h")


def test_contact__looks_at_the_link_again_when_the_window_opens():
    """Up when the window is closed, down when it opens: both must hold at once."""
    online = {"every": "4 h", "for": "1 h", "phase": "0 s"}
    window = {"opens": "02:00", "closes": "06:00"}
    timeline = told(scenario_of({"online": online, "window": window}))

    assert seconds(timeline.attempts[0].steps)[:3] == [
        (Doing.WINDOW, 0, 2 * 3600),
        (Doing.OFFLINE, 2 * 3600, 4 * 3600),
        (Doing.QUERY, 4 * 3600, 4 * 3600 + 10),
    ]


def test_download__waits_for_its_link_and_for_outages():
    """Bytes flow while the link is up and no outage holds them; where both do, the outage is named."""
    cohort = {"link_rate": "10 kB/s", "online": {**BEAT, "during_upgrade": "pauses"}}
    plain = told(scenario_of(cohort))
    assert seconds(plain.attempts[0].steps)[1:4] == [
        (Doing.DOWNLOAD, 10, 60),
        (Doing.PAUSED_LINK, 60, 100),
        (Doing.DOWNLOAD, 100, 150),
    ]
    assert plain.attempts[0].steps[2].note == "until 00:01:40"
    assert plain.attempts[0].steps[1].note == ""
    assert plain.attempts[0].steps[3].note == "in all 977 KiB at 80 kbit/s"

    outages = [{"at": "90 s", "lasts": "40 s", "effect": "unreachable"}]
    held = told(scenario_of(cohort, outages=outages))
    assert seconds(held.attempts[0].steps)[1:7] == [
        (Doing.DOWNLOAD, 10, 60),
        (Doing.PAUSED_LINK, 60, 90),
        (Doing.PAUSED, 90, 130),
        (Doing.DOWNLOAD, 130, 160),
        (Doing.PAUSED_LINK, 160, 200),
        (Doing.DOWNLOAD, 200, 220),
    ]


def test_download__that_broke_goes_on_where_it_was():
    """The link breaks a download after 500 kB and after 300 kB more; the third attempt loads the rest."""
    cohort = {"link_rate": "10 kB/s", "online": {**BEAT, "during_upgrade": "breaks"}, "resume": True}
    timeline = told(scenario_of(cohort, campaign=retried(2)))

    downloads = [step for step in timeline.steps if step.doing is Doing.DOWNLOAD]
    assert seconds(downloads) == [
        (Doing.DOWNLOAD, 10, 60),
        (Doing.DOWNLOAD, 130, 160),
        (Doing.DOWNLOAD, 230, 250),
    ]
    assert [step.note for step in downloads] == [
        "488 KiB of 977 KiB at 80 kbit/s, its link goes down",
        "goes on from 488 KiB: 293 KiB of 488 KiB at 80 kbit/s, its link goes down",
        "goes on from 781 KiB: 195 KiB at 80 kbit/s",
    ]
    assert timeline.status is SubtaskState.SUCCESS


def test_figure__says_where_a_download_went_on():
    """Beside its bar stands from where a download goes on, or that the package is there already."""
    cohort = {"link_rate": "10 kB/s", "online": {**BEAT, "during_upgrade": "breaks"}, "resume": True}
    failures = [{"stage": "install", "code": 10, "probability": 1.0}]
    story = explain(scenario_of(cohort, failures=failures, campaign=retried(3)), "unit-0000000")
    texts = [text.get_text() for text in story_figure(story).axes[0].texts]

    assert [text for text in texts if "goes on" in text] == [
        "30 s, goes on from 488 KiB",
        "20 s, goes on from 781 KiB",
    ]
    assert "50 s" in texts
    assert "30 s, the package is there already" in texts


def test_package__that_is_there_already_is_not_loaded():
    """A failed installation keeps the package: the next attempt goes from the query to the verification."""
    failures = [{"stage": "install", "code": 10, "probability": 1.0}]
    timeline = told(scenario_of({"resume": True}, failures=failures, campaign=retried(1)))

    steps = timeline.attempts[1].steps
    assert [step.doing for step in steps] == [Doing.QUERY, Doing.VERIFY, Doing.INSTALL]
    assert steps[1].note == "the package is there already"


def test_condition__says_since_when_it_lasts():
    """Retries within the same period name the same beginning; periods of 2 h begin at one hour and a bit."""
    lasts = {"stage": "query", "code": 4, "probability": 0.5, "lasts": {"constant": "2 h"}}
    scenario = scenario_of({"devices": 20}, failures=[lasts], campaign=retried(5))
    since: dict[int, set[str]] = {}
    for device in range(20):
        timeline = told(scenario, device)
        (condition,) = timeline.lasting
        periods = list(condition.periods(timeline.end))
        for attempt in timeline.attempts:
            begun = attempt.steps[0].start
            is_on = any(start <= begun < end for start, end in condition.periods(begun + 1))
            assert is_on == (attempt.status is not SubtaskState.SUCCESS)
            if is_on:
                since.setdefault(device, set()).add(attempt.steps[0].note)
        assert since.get(device, set()) <= {
            f"low battery since {clock(start) if start else 'before the run'}" for start, _ in periods
        }
    assert {"low battery since before the run"} in since.values()


def test_dead__devices_are_told_from_those_that_are_away():
    """The attempt that killed the device is named wherever it is not reached, and as what no lever mends."""
    failures = [{"stage": "reboot", "silent": True, "probability": 1.0, "leaves": "dead"}]
    story = explain(scenario_of(failures=failures, campaign=retried(1), run={"until": "4 d"}), "unit-0000000")

    first, second = story.timeline.attempts
    assert [step.doing for step in second.steps] == [Doing.DEAD]
    assert second.steps[0].note == "bricked by attempt 1"
    assert (first.killer, second.killer) == (1, 1)
    assert (story.mark.stage, story.mark.killer, story.rescues) == (Stage.CONTACT, 1, ())
    assert "It was left dead by attempt 1" in " ".join(str(story).split())


def test_link__of_a_device_that_is_never_reached_is_not_told():
    """When its link is up is of no interest where a permanent mark keeps all contact from it."""
    failures = [{"stage": "contact", "silent": True, "permanent": 1.0}]
    timeline = told(scenario_of({"online": BEAT}, failures=failures))

    assert timeline.lasting == ()
    assert timeline.attempts[0].steps[0].note == "never comes online in this attempt"


def test_lost_report__is_no_mark():
    """Whoever runs the new version already is saved by the next attempt, so nothing stops it for good."""
    failures = [{"stage": "reboot", "silent": True, "permanent": 1.0, "leaves": "new"}]
    story = explain(scenario_of(failures=failures), "unit-0000000")

    assert story.mark is None
    saved = {rescue.lever: rescue.text for rescue in story.rescues if rescue.has_saved}
    assert saved["more retries"] == "1 automatic retry instead of 0"

    again = told(scenario_of(failures=failures, campaign=retried(1)))
    assert [step.doing for step in again.attempts[1].steps] == [Doing.QUERY]


def test_text__lists_when_the_link_was_up():
    """Below the steps stands when the link was up, as far as the story goes."""
    cohort = {"link_rate": "10 kB/s", "online": {**BEAT, "during_upgrade": "pauses"}}
    story = explain(scenario_of(cohort), "unit-0000000")

    assert "What lasted, whoever called" in str(story)
    assert "link is up: 00:00:00 to 00:01:00, 00:01:40 to 00:02:40, 00:03:20 to 00:04:20" in str(story)
    assert "download waits for its link (until 00:01:40)" in str(story)


@pytest.mark.parametrize("seed", range(3))
def test_figure__has_a_strip_for_each_timeline(seed):
    """Bars stand where the timeline is on, below the steps and on their time axis."""
    lasts = {"stage": "query", "code": 4, "probability": 0.3, "lasts": {"constant": "30 s"}}
    cohort = {"link_rate": "10 kB/s", "online": {**BEAT, "during_upgrade": "pauses"}}
    story = explain(scenario_of(cohort, failures=[lasts], campaign=retried(3)), "unit-0000000", seed=seed)

    axes = story_figure(story).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[-3:] == ["meanwhile", "link is up", "low battery at query"]
    row = len(labels) - 2
    bars = [bar for bar in axes.patches if row - 0.5 < bar.get_y() + bar.get_height() / 2 < row + 0.5]
    link = story.timeline.lasting[0]
    assert len(bars) == len(list(link.periods(story.timeline.end)))
    assert story.timeline.end > 0
    assert bars[0].get_x() == 0
    assert link.timeline.end_of(0) == 60 * S
