"""Tests of injected faults."""

import json
import time

import pytest
from pydantic import ValidationError

from sim.emulator.export.export import export_session
from sim.emulator.faults import Fault, Faults, FaultSettings
from sim.emulator.journal.journal import Journal
from support.emulator import TASKS, ids, scenario_of


def outcomes(settings, count=4000, seed=1):
    """Return what happens to so many requests."""
    faults = Faults(settings, seed=seed)
    return [faults.next() for _ in range(count)]


def test_next__shares_are_met():
    """Each kind of fault hits its share of the requests."""
    met = outcomes(FaultSettings(throttle_share=0.2, error_share=0.1, lost_share=0.05))
    shares = {fault: met.count(fault) / len(met) for fault in Fault}

    # Five standard deviations of a share among 4,000 are at most 0.04.
    assert shares[Fault.THROTTLED] == pytest.approx(0.2, abs=0.04)
    assert shares[Fault.FAILED] == pytest.approx(0.1, abs=0.04)
    assert shares[Fault.LOST] == pytest.approx(0.05, abs=0.04)


def test_next__the_same_requests_are_hit_every_time():
    """A test meets the same faults whenever it runs; another seed has others."""
    settings = FaultSettings(throttle_share=0.5)

    assert outcomes(settings, 100) == outcomes(settings, 100)
    assert outcomes(settings, 100) != outcomes(settings, 100, seed=2)


def test_next__none_is_none():
    """Without faults nothing is hit, and with a share of 1 everything is."""
    assert set(outcomes(FaultSettings(), 50)) == {Fault.NONE}
    assert set(outcomes(FaultSettings(error_share=1), 50)) == {Fault.FAILED}


@pytest.mark.parametrize(
    "wrong",
    [
        {"throttle_share": 1.1},
        {"error_share": -0.1},
        {"throttle_share": 0.6, "error_share": 0.5},
        {"latency_s": 61},
        {"lost_share": float("nan")},
        {"unknown": 1},
        {"initializing_s": -1},
        {"stopping_s": 86_401},
        {"stopping_s": float("inf")},
    ],
)
def test_settings__have_bounds(wrong):
    """Shares are shares and add up to at most 1."""
    with pytest.raises(ValidationError):
        FaultSettings.model_validate(wrong)


def test_api__throttled_and_failed_requests_have_no_effect(api):
    """429 and 502 come in the vendor's form, and the service never sees the request."""
    task_id = api.create(groups=["good"])
    digest = api.digest()
    seen = []
    for kind in ("throttle_share", "error_share"):
        assert api.send("PUT", "/_sim/faults", b'{"%s": 1}' % kind.encode()).status == 200
        answer = api.post(f"{TASKS}/{task_id}/stop")
        seen.append((answer.status, answer.code))
    assert seen == [(429, "APIGW.0308"), (502, "APIGW.0201")]
    assert api.digest() == digest
    api.send("PUT", "/_sim/faults", b"{}")

    assert api.post(f"{TASKS}/{task_id}/stop").status == 200


def test_api__a_lost_answer_is_done_all_the_same(api):
    """The command takes effect and is in the journal; the answer breaks off."""
    task_id = api.create(groups=["good"])
    api.send("PUT", "/_sim/faults", b'{"lost_share": 1}')
    answer = api.post(f"{TASKS}/{task_id}/stop", {"targets": ids("good", 1)})
    api.send("PUT", "/_sim/faults", b"{}")

    assert (answer.body, answer.headers["content-length"]) == (b"", "1000000")
    assert api.progress(task_id)["stopped"] == 1
    assert api.get("/_sim/digest").json["commands"] == 2


def test_api__latency_delays_answers(api):
    """With a latency every answer of the API takes at least that long; the control routes don't."""
    api.send("PUT", "/_sim/faults", b'{"latency_s": 0.05}')
    assert api.get("/_sim/faults").json["latency_s"] == 0.05
    begin = time.monotonic()
    answer = api.get(TASKS, task_type="firmwareUpgrade")

    assert time.monotonic() - begin >= 0.05
    assert answer.status == 200
    assert api.get("/_sim/clock").json["now_s"] == 0.0  # the delay is the wall clock's


def test_api__the_control_routes_are_spared(api):
    """However bad the way is, the faults can be taken away again."""
    api.send("PUT", "/_sim/faults", b'{"throttle_share": 1}')

    assert api.get("/_sim/clock").status == 200
    assert api.get(TASKS, task_type="firmwareUpgrade").status == 429


def test_api__refuses_wrong_settings(api):
    """Settings out of bounds change nothing."""
    answer = api.send("PUT", "/_sim/faults", b'{"throttle_share": 2}')

    assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert api.get("/_sim/faults").json["throttle_share"] == 0.0


def test_scenario__gives_the_first_settings(make_api):
    """What the scenario says about its API is what the server begins with."""
    api = make_api(scenario_of(platform={"api": {"throttle_share": "25 %", "error_share": "5 %"}}))

    assert api.get("/_sim/faults").json == {
        "throttle_share": 0.25,
        "error_share": 0.05,
        "lost_share": 0.0,
        "latency_s": 0.0,
        "initializing_s": 0.0,
        "stopping_s": 0.0,
    }


def put(api, **settings):
    """Set what scripts must cope with."""
    assert api.send("PUT", "/_sim/faults", json.dumps(settings).encode()).json == api.get("/_sim/faults").json


def status(api, task_id):
    """Return the state of a task."""
    return api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"]


def refused(api, task_id, *calls):
    """Return the codes with which calls upon a task are refused as a whole."""
    answers = [
        api.delete(f"{TASKS}/{task_id}") if call == "delete" else api.post(f"{TASKS}/{task_id}/{call}")
        for call in calls
    ]
    assert {answer.status for answer in answers} == {400}
    return [answer.code for answer in answers]


def test_initializing__lasts_if_it_is_made_to(api):
    """A new task is Initializing for as long as was said: no retry, no delete; then it runs as always."""
    put(api, initializing_s=30)
    task_id = api.create(groups=["good"])
    assert status(api, task_id) == "Initializing"
    assert refused(api, task_id, "retry", "delete") == ["IOTDA.014218", "IOTDA.014283"]
    api.advance(until_s=29.999999)
    assert status(api, task_id) == "Initializing"
    assert api.progress(task_id) == {"total": 20, "waitting": 20}
    api.advance(until_s=30)
    assert status(api, task_id) == "Processing"

    assert api.advance(until_settled=task_id)["now_s"] == 92.0  # 62 s, as without
    assert status(api, task_id) == "Success"


def test_initializing__a_task_can_be_stopped_meanwhile(api):
    """Stop is allowed in Initializing, whole or by name, and is not undone when the time is over."""
    put(api, initializing_s=30)
    whole, named = api.create("a", groups=["good"]), api.create("b", groups=["bad"])
    assert api.post(f"{TASKS}/{whole}/stop").status == 200
    assert api.post(f"{TASKS}/{named}/stop", {"targets": ids("bad", *range(9))}).status == 200
    api.advance(seconds=0)
    assert (status(api, whole), status(api, named)) == ("Stopped", "Initializing")
    api.advance(until_settled=named)

    assert status(api, whole) == "Stopped"
    assert api.progress(named) == {"total": 10, "fail": 1, "stopped": 9}


def test_initializing__and_what_else_delays_a_start(api):
    """A confirmation counts also while a task is Initializing; a schedule is kept if it is later."""
    put(api, initializing_s=30)
    confirmed = api.create("a", groups=["good"], need_confirm=True)
    scheduled = api.create("b", groups=["bad"], task_policy={"schedule_time": "20260105T000100Z"})
    assert api.post(f"{TASKS}/{confirmed}/confirm").status == 200
    assert status(api, confirmed) == "Initializing"
    api.advance(until_s=30)
    assert (status(api, confirmed), status(api, scheduled)) == ("Processing", "Waitting")
    api.advance(until_s=60)

    assert status(api, scheduled) == "Processing"


def test_stopping__lasts_if_it_is_made_to(api):
    """A task that is stopped is Stopping for as long as was said, and refuses every call until then."""
    task_id = api.create(groups=["good"])
    api.advance(seconds=10)
    put(api, stopping_s=20)
    assert api.post(f"{TASKS}/{task_id}/stop").status == 200
    assert status(api, task_id) == "Stopping"
    assert api.progress(task_id) == {"total": 20, "stopped": 20}
    codes = ["IOTDA.014281", "IOTDA.014218", "IOTDA.014282", "IOTDA.014283"]
    assert refused(api, task_id, "stop", "retry", "confirm", "delete") == codes
    assert api.advance(until_settled=task_id) == {**api.get("/_sim/clock").json, "reached": True}

    assert api.get("/_sim/clock").json["now_s"] == 30.0
    assert status(api, task_id) == "Stopped"
    assert api.delete(f"{TASKS}/{task_id}").status == 204


def test_stopping__of_a_task_that_is_initializing(api):
    """Both states last, one after the other; the second is not cut short by the end of the first."""
    put(api, initializing_s=30, stopping_s=60)
    task_id = api.create(groups=["good"])
    api.advance(until_s=10)
    api.post(f"{TASKS}/{task_id}/stop")
    seen = []
    for now_s in (10, 30, 69, 70):
        api.advance(until_s=now_s)
        seen.append(status(api, task_id))

    assert seen == ["Stopping", "Stopping", "Stopping", "Stopped"]


def test_stopping__a_stopped_task_keeps_its_place_until_then(make_api):
    """A task that is being stopped is still in progress: the next one waits for its end."""
    package = {"version": "2.0", "size": "1 MiB"}
    limits = {"tasks_in_progress": 1}
    api = make_api(scenario_of(campaign={"package": package, "limits": limits}))
    put(api, stopping_s=20)
    first, second = api.create("a", groups=["good"]), api.create("b", groups=["bad"])
    api.advance(seconds=1)
    api.post(f"{TASKS}/{first}/stop")
    assert (status(api, first), status(api, second)) == ("Stopping", "Waitting")
    api.advance(until_next_event=True)

    assert (status(api, first), status(api, second)) == ("Stopped", "Processing")


def test_holds__end_with_the_next_settings(api):
    """What is absent lasts no longer, for tasks that come then."""
    put(api, initializing_s=30)
    put(api)
    task_id = api.create(groups=["good"])

    assert status(api, task_id) in ("Waitting", "Processing")


def test_holds__are_replayed(make_api, make_session, tmp_path):
    """States that last are the world's, so a server that is started again has the same world and settings."""
    folder = tmp_path / "held"
    folder.mkdir()
    api = make_api(session=make_session(scenario_of(), folder=folder))
    put(api, initializing_s=30, stopping_s=20, latency_s=0.01)
    stopped, running = api.create("a", groups=["good"]), api.create("b", groups=["bad"])
    api.advance(until_s=5)
    api.post(f"{TASKS}/{stopped}/stop")
    states, settings, digest = (
        [status(api, task) for task in (stopped, running)],
        api.get("/_sim/faults").json,
        api.digest(),
    )
    api.session.close()
    again = make_api(session=make_session(folder=folder))

    assert [status(again, task) for task in (stopped, running)] == states == ["Stopping", "Initializing"]
    assert (again.get("/_sim/faults").json, again.digest()) == (settings, digest)
    again.advance(until_s=40)
    assert [status(again, task) for task in (stopped, running)] == ["Stopped", "Processing"]


def test_holds__stay_after_a_reset(api):
    """A reset leaves all faults as they are, those of the world too."""
    put(api, initializing_s=30)
    assert api.post("/_sim/reset").status == 200

    assert api.get("/_sim/faults").json["initializing_s"] == 30.0
    assert status(api, api.create(groups=["good"])) == "Initializing"


def test_holds__are_told_by_an_export(api, tmp_path):
    """A scenario has no such states: what is made from such a session says so."""
    put(api, initializing_s=30)
    task_id = api.create(groups=["good"])
    api.advance(until_settled=task_id)
    api.session.close()
    journal = Journal.open(tmp_path / "state0")
    notes = export_session(journal, tmp_path, "devices.csv").notes
    journal.close()

    assert "Tasks were made to stay Initializing or Stopping; here they don't." in notes
