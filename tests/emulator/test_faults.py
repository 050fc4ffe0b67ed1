"""Tests of injected faults."""

import time

import pytest
from pydantic import ValidationError

from sim.emulator.faults import Fault, Faults, FaultSettings
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
    }
