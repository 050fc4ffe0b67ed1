"""Tests of the routes below `/_sim/`: clock, fleet, digest, reset."""

import pytest

from sim.emulator.clock import VirtualClock
from sim.emulator.world import LAST_TICK
from support.emulator import TASKS, ids, scenario_of


def test_clock__says_time_mode_and_speed(api):
    """A new server with a manual clock stands at 0, which is the scenario's start."""
    assert api.get("/_sim/clock").json == {
        "now_s": 0.0,
        "now": "20260105T000000Z",
        "mode": "manual",
        "speed": 1.0,
    }


@pytest.mark.parametrize(
    ("how", "now_s"),
    [
        ({"seconds": 1.5}, 11.5),
        ({"seconds": 0}, 10.0),
        ({"until_s": 100}, 100.0),
        ({"until_s": 10}, 10.0),
        ({"until": "20260105T000100Z"}, 60.0),
    ],
)
def test_advance__by_and_to(api, how, now_s):
    """A duration counts from now, a time from the start or as a date."""
    api.advance(seconds=10)

    assert api.advance(**how)["now_s"] == now_s
    assert api.get("/_sim/clock").json["now_s"] == now_s


def test_advance__until_a_task_is_over(api):
    """The clock stops at the end of the task, and says that it was reached."""
    task_id = api.create(groups=["good"])
    answer = api.advance(until_settled=task_id)

    assert (answer["now_s"], answer["reached"]) == (62.0, True)
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "Success"


def test_advance__until_something_that_needs_a_call(api):
    """What can't happen by itself is not waited for, and the answer says so."""
    task_id = api.create(groups=["good"], need_confirm=True)

    assert api.advance(until_settled=task_id) == {
        "now_s": 0.0,
        "now": "20260105T000000Z",
        "mode": "manual",
        "speed": 1.0,
        "reached": False,
    }


def test_advance__step_by_step(api):
    """The next event is the next end of a subtask or change of a task's state."""
    task_id = api.create(groups=["good", "bad"])
    steps = []
    while (answer := api.advance(until_next_event=True))["reached"]:
        steps.append(answer["now_s"])

    assert steps == sorted(steps)
    assert len(set(steps[:10])) == 10  # each of the ten failures at its own time
    assert 62.0 in steps
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "PartialSuccess"


@pytest.mark.parametrize(
    "how",
    [
        {},
        None,
        [],
        {"seconds": 1, "until_s": 2},
        {"seconds": -1},
        {"seconds": "1"},
        {"seconds": 1e300},
        {"seconds": 10 * 366 * 86_400},
        {"until_s": 9.999},
        {"until": "20260105T000000Z"},
        {"until": "soon"},
        {"until_settled": "xyz"},
        {"until_next_event": False},
        {"second": 1},
    ],
)
def test_advance__refuses_what_makes_no_sense(api, how):
    """Time can't go back, nor to where there is none; one way of saying it at a time."""
    api.advance(seconds=10)
    answer = api.post("/_sim/clock/advance", how)

    assert answer.status == 400
    assert answer.code.startswith("IOTDA.0000")
    assert api.get("/_sim/clock").json["now_s"] == 10.0


def test_advance__until_an_unknown_task(api):
    """An id that no task has is 404."""
    assert api.post("/_sim/clock/advance", {"until_settled": "f" * 24}).code == "IOTDA.014280"


def test_speed_and_freeze__switch_between_standing_and_running(make_session, make_api):
    """The clock runs once it has a speed, and stands once it is frozen."""

    class Wall:
        ns = 0

        def __call__(self):
            return self.ns

    wall = Wall()
    clock = VirtualClock("manual", limit_ticks=LAST_TICK, wall_ns=wall)
    api = make_api(session=make_session(clock=clock))
    task_id = api.create(groups=["good"])
    assert api.post("/_sim/clock/speed", {"speed": 60}).json["mode"] == "real"
    wall.ns += 1_000_000_000
    assert api.get("/_sim/clock").json["now_s"] == 60.0
    assert api.progress(task_id) == {"total": 20, "processing": 20}
    wall.ns += 1_000_000_000
    frozen = api.post("/_sim/clock/freeze").json
    wall.ns += 1_000_000_000

    assert (frozen["mode"], frozen["speed"], frozen["now_s"]) == ("manual", 60.0, 120.0)
    assert api.get("/_sim/clock").json["now_s"] == 120.0
    assert api.progress(task_id) == {"total": 20, "success": 20}


@pytest.mark.parametrize("speed", [0, -1, 1e7, "fast", None])
def test_speed__has_bounds(api, speed):
    """A clock can't run backwards, nor infinitely fast."""
    assert api.post("/_sim/clock/speed", {"speed": speed}).code == "IOTDA.000006"


def test_fleet__at_a_glance(api):
    """Counts by state, for the fleet and by cohort; and how much has been done."""
    task_id = api.create(groups=["bad"])
    api.advance(until_settled=task_id)
    fleet = api.get("/_sim/fleet").json

    assert (fleet["scenario"], fleet["seed"], fleet["tasks"], fleet["commands"]) == ("small", 0, 1, 2)
    assert (fleet["devices"], fleet["idle"], fleet["status"]["Fail"]) == (200, 190, 10)
    assert sum(fleet["status"].values()) == 10
    assert fleet["cohorts"]["bad"] == {
        "devices": 10,
        "idle": 0,
        "status": {
            "Waitting": 0,
            "Processing": 0,
            "Success": 0,
            "Fail": 10,
            "FailWaitRetry": 0,
            "Stopped": 0,
            "Removed": 0,
        },
    }


def test_digest__counts_commands_and_hashes_the_state(api):
    """Looking changes neither; a command changes both."""
    before = api.get("/_sim/digest").json
    api.get("/_sim/fleet")
    assert api.get("/_sim/digest").json == before
    api.create(groups=["good"])
    after = api.get("/_sim/digest").json

    assert (before["commands"], after["commands"]) == (0, 1)
    assert before["digest"] != after["digest"]


def test_reset__as_at_the_first_start(api):
    """A reset brings back the fleet, the time and the ids."""
    fresh = api.digest()
    first = api.create(groups=["good"])
    api.advance(seconds=100)
    assert api.post("/_sim/reset").json["now_s"] == 0.0

    assert api.digest() == fresh
    assert api.get(f"{TASKS}/{first}").status == 404
    assert api.create(targets=ids("good", 1)) == first


def test_control__needs_the_same_credentials(api):
    """Nothing below `/_sim/` is for strangers."""
    for method, path in (("GET", "/_sim/clock"), ("POST", "/_sim/reset"), ("GET", "/_sim/digest")):
        assert api.send(method, path, headers={}).status == 401


def test_control__knows_no_other_paths(api):
    """Unknown paths and methods are refused in the vendor's form."""
    assert api.get("/_sim/nothing").code == "APIGW.0101"
    assert api.delete("/_sim/reset").code == "APIGW.0101"


# --- what is due at the very instant ----------------------------------------------------------------

ONE_AN_HOUR = {
    "platform": {"dispatch_rate": "1 /h"},
    "fleet": {"cohorts": [{"name": "meter", "devices": 40}]},
}


def shown_states(api, task_id, state):
    """Return the targets that a query shows in a state."""
    page = api.get(f"{TASKS}/{task_id}", task_detail_status=state, limit=50).json
    return [detail["target"] for detail in page["task_details"]]


@pytest.mark.parametrize("how", [{"seconds": 25 * 3600}, {"until_s": 25 * 3600.0}])
def test_advance__to_the_instant_of_a_dispatch(make_api, how):
    """After 25 h at one dispatch an hour the 26th subtask is Processing, and the 27th a microsecond early."""
    api = make_api(scenario_of(**ONE_AN_HOUR))
    task_id = api.create(groups=["meter"])
    api.advance(**how)

    assert shown_states(api, task_id, "Processing") == ids("meter", 25)
    assert api.progress(task_id)["processing"] == 1
    api.advance(seconds=3600 - 1e-6)
    assert shown_states(api, task_id, "Processing") == []
    assert api.progress(task_id)["waitting"] == 40 - 26
    api.advance(seconds=1e-6)
    assert shown_states(api, task_id, "Processing") == ids("meter", 26)


def test_advance__by_nothing_dispatches_what_was_just_created(api):
    """A new task's targets wait for time to go on; an advance of 0 s finishes the instant."""
    task_id = api.create(groups=["good"])
    before = api.progress(task_id)
    api.advance(seconds=0)

    assert (before, api.progress(task_id)) == ({"total": 20, "waitting": 20}, {"total": 20, "processing": 20})


def test_advance__to_the_instant_of_a_scheduled_start(api):
    """A task that is to start at the very instant has started, and its targets are dispatched."""
    start = api.session.world.calendar.wire(7200.0)
    task_id = api.create(groups=["good"], task_policy={"schedule_time": start})
    api.advance(until_s=7200.0)

    assert api.progress(task_id) == {"total": 20, "processing": 20}


def test_advance__to_the_instant_of_a_retry(make_api):
    """Automatic retries that are due at the very instant have begun: none is left waiting."""
    refusing = {"name": "bad", "devices": 10, "failures": [{"stage": "verify", "code": 6, "permanent": 1}]}
    api = make_api(scenario_of(fleet={"cohorts": [refusing]}, stages={"query": {"constant": "2 s"}}))
    task_id = api.create(groups=["bad"], task_policy={"retry_count": 1, "retry_interval": 5})
    api.advance(seconds=2)
    failed = api.progress(task_id)
    api.advance(seconds=300)

    assert failed == {"total": 10, "fail_wait_retry": 10}
    assert api.progress(task_id) == {"total": 10, "processing": 10}


def test_advance__looking_at_the_instant_changes_nothing(make_api):
    """Whoever stops at every dispatch ends as one who never stops, and so does a replay."""
    scenario = scenario_of(**ONE_AN_HOUR)
    stopping, passing = make_api(scenario), make_api(scenario)
    for api, steps in ((stopping, 30), (passing, 1)):
        api.create(groups=["meter"])
        for _ in range(steps):
            api.advance(seconds=30 * 3600 // steps)

    assert stopping.digest() == passing.digest()
