"""Timelines: by hand where every second is known, and against curves and queues where nothing is."""

from unittest.mock import patch

import numpy as np
import pytest
from explain.explained import S, campaigns, scenario_of
from hypothesis import given, settings

from sim.campaign import run_campaign
from sim.errors import ModelError
from sim.fleet.reference import SimpyFleet
from sim.fleet.reference.queues import ReadyQueue
from sim.fleet.spec import to_ticks
from sim.rules import SubtaskState
from sim.scenario import load_scenario
from sim.traces.history import Logbook
from sim.traces.place_queue import mates_of, place_ticks
from sim.traces.steps import Doing
from sim.traces.timeline import timeline_of, watched_run

_DOWNLOADING = (Doing.DOWNLOAD, Doing.PAUSED, Doing.PAUSED_LINK, Doing.PAUSED_WINDOW)


def told(scenario, device=0, **options):
    """Return the timeline of a device."""
    run = run_campaign(scenario, log_attempts=True, **options)
    return timeline_of(run, device, watched=watched_run(run, device))


def seconds(steps):
    """Return steps as (what, from, to) in seconds."""
    return [(step.doing, step.start / S, step.end / S) for step in steps]


# --- against what the planes themselves count -------------------------------------------------------


@settings(max_examples=30)
@given(campaigns())
def test_timelines__together_are_the_curves(scenario):
    """At every time of the grid as many devices are in each state, and download, as the curves say."""
    run = run_campaign(scenario, log_attempts=True)
    tick = run.curves.tick
    status = np.zeros_like(run.curves.status)
    downloads = np.zeros_like(run.curves.downloads)
    for device in range(scenario.n_devices):
        timeline = timeline_of(run, device, watched=watched_run(run, device))
        assert timeline.status == run.records.status[device]
        assert len(timeline.attempts) == run.records.attempts[device]
        for step in timeline.steps:
            rows = (tick >= step.start) & (tick < step.end)
            status[rows, step.doing.state] += 1
            downloads[rows] += step.doing in _DOWNLOADING
        status[tick >= timeline.end, timeline.status] += 1
    before_end = tick < round(run.end_s * S)  # at its last tick a run may stop in the middle of things
    np.testing.assert_array_equal(status[before_end], run.curves.status[before_end])
    np.testing.assert_array_equal(downloads[before_end], run.curves.downloads[before_end])


class RecordingQueue(ReadyQueue):
    """A ready queue that notes when each device joined it, behind its cell's queue."""

    def __init__(self, spec, draws, accounts, clock):
        """Begin with nothing noted."""
        super().__init__(spec, draws, accounts)
        self.joined = [[] for _ in spec.cohort]
        self.clock = clock

    def __setitem__(self, device, nothing):
        """Note when."""
        self.joined[device].append(self.clock.tick)
        super().__setitem__(device, nothing)


@settings(max_examples=30)
@given(campaigns())
def test_places__of_cells_and_sites_are_those_that_the_readable_plane_gives(scenario):
    """The replay of who held which place finds the very ticks at which devices became ready."""
    queues = []

    class RecordingFleet(SimpyFleet):
        def __init__(self, spec, **options):
            super().__init__(spec, **options)
            self._ready = RecordingQueue(spec, self._around.draws, self._around.accounts, self._clock)
            queues.append(self._ready)

    with patch("sim.fleet.reference.SimpyFleet", RecordingFleet):
        run = run_campaign(scenario, plane="simpy", log_attempts=True)
    (queue,) = queues
    for device in range(scenario.n_devices):
        mates = mates_of(run.spec, device)
        if mates.devices[0] != device:
            continue  # once a group
        logbook = Logbook(run, mates.devices)
        visits = (visit for mate in mates.devices for visit in logbook.visits(mate))
        placed = place_ticks(visits, mates.places)
        for mate in mates.devices:
            # A stop call at the very tick of a start may come first or second: nothing comes of it.
            stops = {
                to_ticks(call.time_s) for call in run.calls if mate in call.accepted and call.call == "stop"
            }
            ticks = [placed[visit] for visit in logbook.visits(mate) if visit in placed]
            joined = [tick for tick in queue.joined[mate] if tick not in stops]
            assert [tick for tick in ticks if tick not in stops] == joined


def test_places__go_to_the_earlier_of_two_tasks_that_start_at_once():
    """The last of the first task is before the first of the second one, in whose cell it is."""
    cohorts = [
        {"name": "a", "devices": 6, "window": {"opens": "01:00", "closes": "12:00"}},
        {"name": "b", "devices": 6, "protocol": "lwm2m", "cell": {"devices": 2, "coverage": [0, 0, 1]}},
    ]
    limits = {"targets_per_task": 3, "tasks_in_progress": 2}
    campaign = {"package": {"version": "2", "size": "1 kB"}, "order": "file", "limits": limits}
    slow = {"install": {"constant": "60 s"}}
    plain = {"fleet": {"cohorts": cohorts}, "stages": slow, "campaign": campaign, "run": {"until": "1 d"}}

    run = run_campaign(load_scenario(plain), log_attempts=True)
    begun = {device: run.attempts.start[run.attempts.device == device][0] for device in (8, 9)}
    assert begun[9] - begun[8] == 60 * S
    assert mates_of(run.spec, 8).devices == [8, 9]
    logbook = Logbook(run, [8, 9])
    visits = {device: next(iter(logbook.visits(device))) for device in (8, 9)}
    assert visits[8].joined.tick == visits[9].joined.tick
    assert place_ticks(visits.values(), 1) == {visits[8]: begun[8], visits[9]: begun[9]}


# --- by hand ----------------------------------------------------------------------------------------


def test_attempt__goes_through_its_stages():
    """An LwM2M device with a link of 10 kB/s: every stage at its second."""
    timeline = told(scenario_of({"protocol": "lwm2m", "link_rate": "10 kB/s"}))

    (attempt,) = timeline.attempts
    assert seconds(attempt.steps) == [
        (Doing.QUERY, 0, 10),
        (Doing.COVERAGE, 10, 30),
        (Doing.DOWNLOAD, 30, 130),
        (Doing.VERIFY, 130, 160),
        (Doing.INSTALL, 160, 200),
        (Doing.REBOOT, 200, 250),
    ]
    assert (attempt.end, attempt.timer, timeline.end) == (250 * S, None, 250 * S)
    assert attempt.steps[2].note == "977 KiB at 80 kbit/s"
    assert timeline.waits == ((), ())


def test_contact__waits_for_window_and_outage_in_turn():
    """A window from 01:00 to 03:00, and an outage from 00:30 to 02:00: first the one, then the other."""
    timeline = told(
        scenario_of(
            {"window": {"opens": "01:00", "closes": "03:00"}},
            outages=[{"at": "30 min", "lasts": "90 min", "effect": "unreachable"}],
        )
    )

    assert seconds(timeline.attempts[0].steps)[:3] == [
        (Doing.WINDOW, 0, 3_600),
        (Doing.OUTAGE, 3_600, 7_200),
        (Doing.QUERY, 7_200, 7_210),
    ]


def test_download__waits_for_its_window_and_for_an_outage_in_it():
    """The window closes for 20 s; an outage begins 5 s before it opens, and lasts 10 s longer."""
    windows = [
        {"opens": "00:00", "closes": "00:00:30", "for": "download"},
        {"opens": "00:00:50", "closes": "01:00", "for": "download"},
    ]
    outage = {"at": "45 s", "lasts": "15 s", "effect": "unreachable"}
    timeline = told(scenario_of({"link_rate": "20 kB/s", "window": windows}, outages=[outage]))

    assert seconds(timeline.attempts[0].steps)[1:6] == [
        (Doing.DOWNLOAD, 10, 30),
        (Doing.PAUSED_WINDOW, 30, 45),
        (Doing.PAUSED, 45, 60),
        (Doing.DOWNLOAD, 60, 90),
        (Doing.VERIFY, 90, 120),
    ]


def test_install__waits_for_its_window():
    """Verified after 40 s, installed from 01:00 on; a timer that ends before tells of the wait alone."""
    window = {"opens": "01:00", "closes": "01:00:01", "for": "install"}
    timeline = told(scenario_of({"window": window}))
    assert seconds(timeline.attempts[0].steps)[1:] == [
        (Doing.VERIFY, 10, 40),
        (Doing.INSTALL_WINDOW, 40, 3_600),
        (Doing.INSTALL, 3_600, 3_640),
        (Doing.REBOOT, 3_640, 3_690),
    ]
    late = told(scenario_of({"window": window, "timers": {"mqtt": {"upgrade": "10 min"}}}))
    assert seconds(late.attempts[0].steps)[1:] == [(Doing.VERIFY, 10, 40), (Doing.INSTALL_WINDOW, 40, 610)]
    assert late.attempts[0].timer == "upgrade timer of 10 min"


def test_waits__for_the_end_of_a_freeze():
    """Of three, dispatched 40 s apart, the third waits for its turn, for a freeze and for its turn again."""
    freezes = [
        {"at": "30 s", "lasts": "30 s", "effect": "freeze"},
        {"at": "90 s", "lasts": "5 s", "effect": "freeze"},
    ]
    timeline = told(
        scenario_of({"devices": 3}, platform={"dispatch_rate": "1.5 /min"}, outages=freezes), device=2
    )
    assert seconds(timeline.waits[0]) == [
        (Doing.READY, 0, 30),
        (Doing.FREEZE, 30, 60),
        (Doing.READY, 60, 90),
        (Doing.FREEZE, 90, 95),
        (Doing.READY, 95, 100),
    ]


def test_contact__of_a_device_that_stays_away_times_out():
    """A device that never comes online is offline until its timer ends the attempt."""
    timeline = told(
        scenario_of(failures=[{"stage": "contact", "silent": True, "permanent": 1.0}]),
    )

    (attempt,) = timeline.attempts
    assert seconds(attempt.steps) == [(Doing.OFFLINE, 0, 25 * 3_600)]
    assert attempt.steps[0].note == "never comes online in this attempt"
    assert attempt.timer == "online timer of 1 d 1 h"


def test_download__waits_for_its_place_and_is_paused():
    """The second of two devices waits for the only place; an outage pauses it, and the timer runs on."""
    scenario = scenario_of(
        {"devices": 2, "link_rate": "10 kB/s", "timers": {"mqtt": {"upgrade": "10 min"}}},
        platform={"max_downloads": 1},
        outages=[{"at": "2 min", "lasts": "1 h", "effect": "unreachable"}],
    )
    timeline = told(scenario, 1)

    (attempt,) = timeline.attempts
    assert seconds(attempt.steps) == [
        (Doing.QUERY, 0, 10),
        (Doing.PLACE, 10, 110),
        (Doing.DOWNLOAD, 110, 120),
        (Doing.PAUSED, 120, 610),
    ]
    assert attempt.steps[1].note == "all 1 are taken"
    assert attempt.steps[2].note == "97.7 KiB of 977 KiB at 80 kbit/s"
    assert attempt.timer == "upgrade timer of 10 min"


def test_download__that_never_gets_a_place_waits_for_all_of_its_timer():
    """It received nothing, and the timer is named."""
    scenario = scenario_of(
        {"devices": 2, "link_rate": "1 kB/s", "timers": {"mqtt": {"upgrade": "1 min"}}},
        platform={"max_downloads": 1},
        fleet={
            "cohorts": [
                {"name": "a", "devices": 1, "link_rate": "1 kB/s"},
                {"name": "b", "devices": 1, "link_rate": "1 kB/s", "timers": {"mqtt": {"upgrade": "1 min"}}},
            ]
        },
    )
    timeline = told(scenario, 1)

    assert seconds(timeline.attempts[0].steps) == [(Doing.QUERY, 0, 10), (Doing.PLACE, 10, 70)]
    assert timeline.attempts[0].timer == "upgrade timer of 60 s"


def test_download__through_a_shared_egress_says_what_it_would_take_alone():
    """Ten downloads over 50 kB/s get 5 kB/s each; on a link of 10 kB/s one alone would be done in half."""
    timeline = told(scenario_of({"devices": 10, "link_rate": "10 kB/s"}, platform={"bandwidth": "50 kB/s"}))

    download = timeline.attempts[0].steps[1]
    assert download.note == "977 KiB at 40 kbit/s through the shared egress, alone 100 s at 80 kbit/s"


@pytest.mark.parametrize(
    ("platform", "through"),
    [({}, "the line of its site"), ({"bandwidth": "80 kB/s"}, "the line of its site and the shared egress")],
)
def test_download__over_the_line_of_a_site_names_it(platform, through):
    """Five of ten devices share a line; an egress that is there as well is named beside it."""
    site = {"devices": 5, "uplink": "25 kB/s"}
    timeline = told(scenario_of({"devices": 10, "site": site}, platform=platform))

    assert timeline.attempts[0].steps[1].note == f"977 KiB at 40 kbit/s through {through}"


def test_download__paused_twice_in_a_row_is_one_pause():
    """Outages that follow each other at once pause a download once, however many epochs they make."""
    outages = [
        {"at": "20 s", "lasts": "10 s", "effect": "unreachable"},
        {"at": "30 s", "lasts": "10 s", "effect": {"bandwidth": "0 %"}},
        {"at": "60 s", "lasts": "5 s", "effect": "unreachable"},
    ]
    timeline = told(scenario_of({"link_rate": "20 kB/s"}, platform={"bandwidth": "1 MB/s"}, outages=outages))

    assert seconds(timeline.attempts[0].steps)[1:6] == [
        (Doing.DOWNLOAD, 10, 20),
        (Doing.PAUSED, 20, 40),
        (Doing.DOWNLOAD, 40, 60),
        (Doing.PAUSED, 60, 65),
        (Doing.DOWNLOAD, 65, 85),
    ]


def test_silence__lasts_from_the_point_of_failure_to_the_timer():
    """A device that falls silent while it installs is heard of no more until the timer ends it."""
    failures = [{"stage": "install", "silent": True, "permanent": 1.0}]
    timeline = told(scenario_of({"protocol": "lwm2m"}, failures=failures))

    install, silent = timeline.attempts[0].steps[-2:]
    assert (install.doing, silent.doing) == (Doing.INSTALL, Doing.SILENT)
    assert 60 * S < install.end < 100 * S
    assert silent.end == (30 + 30 * 60) * S  # the download took no time, and 30 min follow it
    assert timeline.attempts[0].timer == "execute timer of 30 min"


def test_waits__between_attempts():
    """Two automatic retries after 5 min each, a retry call at an hour, and a stop call that ends it."""
    scenario = scenario_of(
        failures=[{"stage": "query", "code": 1, "permanent": 1.0}],
        stages={"query": {"constant": "0 s"}},
        campaign={"task_policy": {"retry_count": 2, "retry_interval": "5 min"}},
        operators=[{"call": "retry", "at": "1 h"}],
    )
    timeline = told(scenario)

    assert [attempt.trigger for attempt in timeline.attempts] == [0, 1, 1, 2]
    assert [seconds(wait) for wait in timeline.waits] == [
        [],
        [(Doing.RETRY_WAIT, 0, 300)],
        [(Doing.RETRY_WAIT, 300, 600)],
        [(Doing.FAILED, 600, 3_600)],
        [],
    ]
    assert (timeline.status, timeline.end) == (SubtaskState.FAIL, 3_600 * S)


def test_waits__a_call_cuts_the_wait_for_a_retry_short():
    """A retry call during the wait begins an attempt at once; stopped, it stays so until the next call."""
    scenario = scenario_of(
        failures=[{"stage": "query", "code": 1, "permanent": 1.0}],
        stages={"query": {"constant": "0 s"}},
        campaign={"task_policy": {"retry_count": 5, "retry_interval": "60 min"}},
        operators=[
            {"call": "retry", "at": "10 min"},
            {"call": "stop", "at": "20 min", "only": {"cohorts": ["unit"]}},
            {"call": "retry", "at": "30 min"},
        ],
    )
    waits = [seconds(wait) for wait in told(scenario).waits]

    assert waits[:3] == [
        [],
        [(Doing.RETRY_WAIT, 0, 600)],
        [(Doing.RETRY_WAIT, 600, 1_200), (Doing.STOPPED, 1_200, 1_800)],
    ]


def test_waits__before_the_first_attempt():
    """A wave that comes later, a schedule, a confirmation, a pace: each is named while it holds a device."""
    wave = {"name": "all", "share": 1.0}
    scenario = scenario_of(
        {"devices": 20},
        platform={"dispatch_rate": "1 /min"},
        campaign={
            "waves": [{"name": "first", "share": 0.5, "soak": "1 h"}, wave],
            "need_confirm": True,
            "task_policy": {"schedule_time": "10 min"},
        },
        operators=[{"call": "confirm", "every": "20 min", "times": 20}],
    )
    run = run_campaign(scenario, log_attempts=True)
    device = int(np.flatnonzero(run.records.task == 1)[0])
    wait = timeline_of(run, device).waits[0]
    begins_s, starts_s = run.tasks[1].created_s, run.tasks[1].started_s

    assert seconds(wait)[:2] == [(Doing.NO_TASK, 0, begins_s), (Doing.HELD, begins_s, starts_s)]
    assert wait[0].note == "until wave all begins"
    assert wait[1].note == "it waits for its scheduled time and a confirm call"
    last = timeline_of(run, int(np.flatnonzero(run.records.task == 1)[-1])).waits[0][-1]
    assert (last.doing, last.note) == (Doing.READY, "dispatches are paced at 1 /min")


def test_waits__of_a_device_that_no_wave_reached():
    """A gate that trips leaves the rest of the fleet alone; their story is one step."""
    gate = {"failed_share_max": "10 %"}
    scenario = scenario_of(
        {"devices": 10},
        failures=[{"stage": "query", "code": 1, "probability": 1.0}],
        campaign={"waves": [{"name": "first", "share": 0.2, "gate": gate}, {"name": "all", "share": 1.0}]},
    )
    run = run_campaign(scenario, log_attempts=True)
    device = int(np.flatnonzero(run.records.task < 0)[0])

    (step,) = timeline_of(run, device).steps
    assert (step.doing, step.note, step.end) == (Doing.NO_TASK, "no wave reached it", round(run.end_s * S))


def test_waits__for_tasks_in_progress():
    """A third task waits until one of the two that may be in progress has ended."""
    scenario = scenario_of(
        {"devices": 3}, campaign={"limits": {"targets_per_task": 1, "tasks_in_progress": 2}}
    )
    wait = told(scenario, 2).waits[0]

    # Tasks are created one by one, at the pace of the API.
    assert seconds(wait) == [(Doing.NO_TASK, 0, 0.01), (Doing.HELD, 0.01, 130)]
    assert wait[1].note == "it waits for one of 2 tasks in progress to end"


def test_waits__for_cell_and_places():
    """The third of a cell waits for its place there, then for one of the platform's."""
    cohort = {"devices": 6, "protocol": "lwm2m", "cell": {"devices": 3, "coverage": [0, 0, 1]}}
    scenario = scenario_of(cohort, platform={"max_processing": 1}, campaign={"order": "file"})
    wait = told(scenario, 1).waits[0]

    # Devices 0 and 3 have their cells' places at 0, and the platform's only place in turn, 150 s each.
    assert seconds(wait) == [(Doing.CELL, 0, 150), (Doing.READY, 150, 300)]
    assert wait[0].note == "1 at a time at coverage level 2"
    assert wait[1].note == "all 1 Processing places are taken"


def test_waits__for_a_place_at_its_site():
    """The second of a site waits until the first is done; who is at another one waits for nobody."""
    cohort = {"devices": 3, "site": {"devices": 2, "at_a_time": 1}}
    scenario = scenario_of(cohort, campaign={"order": "file"})
    timelines = [told(scenario, device) for device in range(3)]

    (wait,) = timelines[1].waits[0]
    assert (wait.doing, wait.start, wait.end) == (Doing.SITE, 0, timelines[0].end)
    assert wait.note == "1 at a time"
    assert not timelines[0].waits[0]
    assert not timelines[2].waits[0]
    assert timelines[1].level == -1


def test_story__breaks_off_where_the_run_ends():
    """An attempt under way at the end is told up to there, although the log of the run does not have it."""
    timeline = told(scenario_of({"link_rate": "100 B/s"}, run={"until": "5 min", "resolution": "1 min"}))

    (attempt,) = timeline.attempts
    assert (attempt.end, attempt.status) == (None, SubtaskState.PROCESSING)
    assert seconds(attempt.steps) == [(Doing.QUERY, 0, 10), (Doing.DOWNLOAD, 10, 300)]
    assert (timeline.status, timeline.end) == (SubtaskState.PROCESSING, 300 * S)


def test_story__of_a_device_that_was_stopped():
    """A stop call cuts off the step that it finds."""
    timeline = told(scenario_of(operators=[{"call": "stop", "at": "50 s"}]))

    (attempt,) = timeline.attempts
    assert seconds(attempt.steps)[-1] == (Doing.INSTALL, 40, 50)
    assert attempt.status is timeline.status is SubtaskState.STOPPED


@pytest.mark.parametrize(
    ("column", "value"), [("end", 131 * S), ("reason", 10), ("start", 1), ("status", SubtaskState.STOPPED)]
)
def test_replay__that_contradicts_the_log_is_refused(column, value):
    """The replay is no second model: what the log says otherwise is a fault, and not told."""
    run = run_campaign(scenario_of(), log_attempts=True)
    getattr(run.attempts, column)[0] = value

    with pytest.raises(ModelError, match="contradicts the log"):
        timeline_of(run, 0)


def test_log__with_a_hole_is_refused():
    """A log that lacks an attempt is a fault."""
    run = run_campaign(scenario_of(), log_attempts=True)
    run.attempts.attempt[0] = 2

    with pytest.raises(ModelError, match="not all before"):
        timeline_of(run, 0)
